/** Bringing repositories over from another Notary server, on both kinds of database. */
import { describeEachDatabase } from '../../../support/each-database.ts';
import { importSuite } from './import-suite.ts';

describeEachDatabase('import', importSuite);
