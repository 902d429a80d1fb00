import { describeEachDatabase } from '../../../../support/each-database.ts';
import { auditSuite } from './audit-suite.ts';

describeEachDatabase('the audit', auditSuite);
