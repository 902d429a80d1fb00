import { describeEachDatabase } from '../../../support/each-database.ts';
import { notarySuite } from './notary-suite.ts';

describeEachDatabase('the notary dialect', notarySuite);
