/** The organisation's directory over HTTP, on both databases. */
import { describeEachDatabase } from '../../../support/each-database.ts';
import { directorySuite } from './directory-suite.ts';

describeEachDatabase('the directory', directorySuite);
