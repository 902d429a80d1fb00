import { describeEachDatabase } from '../../../support/each-database.ts';
import { tokenSuite } from './token-suite.ts';

describeEachDatabase('access tokens', tokenSuite);
