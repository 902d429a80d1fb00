/** On PostgreSQL, too: what a repository in both dialects promises holds on every kind of database. */
import { describeEachDatabase } from '../../../support/each-database.ts';
import { dualCreateSuite } from './dual-create-suite.ts';
import { dualEditSuite } from './dual-edit-suite.ts';

describeEachDatabase('creation in both dialects', dualCreateSuite);
describeEachDatabase('edits in both dialects', dualEditSuite);
