import { describeEachDatabase } from '../../../support/each-database.ts';
import { publishSuite } from './publish-suite.ts';

describeEachDatabase('publishing', publishSuite);
