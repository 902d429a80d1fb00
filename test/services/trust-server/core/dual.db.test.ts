/** On PostgreSQL, too: what a repository in both dialects promises holds on every kind of database. */
import { describeEachDatabase } from '../../../support/each-database.ts';
import { dualAddSuite } from './dual-add-suite.ts';
import { dualCreateSuite } from './dual-create-suite.ts';
import { dualEditSuite } from './dual-edit-suite.ts';
import { dualMirrorSuite } from './dual-mirror-suite.ts';

describeEachDatabase('creation in both dialects', dualCreateSuite);
describeEachDatabase('edits in both dialects', dualEditSuite);
describeEachDatabase('adding a dialect', dualAddSuite);
describeEachDatabase('mirroring', dualMirrorSuite);
