import { describeEachDatabase } from '../../../support/each-database.ts';
import { dualCreateSuite } from './dual-create-suite.ts';
import { dualEditSuite } from './dual-edit-suite.ts';

describeEachDatabase('creation in both dialects', dualCreateSuite);
describeEachDatabase('edits in both dialects', dualEditSuite);
