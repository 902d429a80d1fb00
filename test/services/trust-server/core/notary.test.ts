import { describeEachDatabase } from '../../../support/each-database.ts';
import { notaryFreshnessSuite } from './notary-freshness-suite.ts';
import { notaryReadsSuite } from './notary-reads-suite.ts';
import { notarySuite } from './notary-suite.ts';

describeEachDatabase('the notary dialect', notarySuite);
describeEachDatabase('questions about notary repositories', notaryReadsSuite);
describeEachDatabase('freshness of notary repositories', notaryFreshnessSuite);
