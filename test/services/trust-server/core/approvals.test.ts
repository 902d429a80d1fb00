import { describeEachDatabase } from '../../../support/each-database.ts';
import { approvalSuite } from './approval-suite.ts';

describeEachDatabase('the two-person rule', approvalSuite);
