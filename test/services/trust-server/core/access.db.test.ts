/** Tokens and approvals on PostgreSQL, where several ask at once and rows are locked. */
import { describeEachDatabase } from '../../../support/each-database.ts';
import { tokenSuite } from '../routes/token-suite.ts';
import { approvalSuite } from './approval-suite.ts';

describeEachDatabase('access tokens', tokenSuite);
describeEachDatabase('the two-person rule', approvalSuite);
