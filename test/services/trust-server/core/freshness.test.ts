import { describeEachDatabase } from '../../../support/each-database.ts';
import { freshnessSuite } from './freshness-suite.ts';

describeEachDatabase('freshness, reads and audit', freshnessSuite);
