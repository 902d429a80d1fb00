/** The organisation's directory over HTTP, on the embedded database. */
import { describeEachDatabase } from '../../../support/each-database.ts';
import { directorySuite } from './directory-suite.ts';

describeEachDatabase('the directory', directorySuite);
