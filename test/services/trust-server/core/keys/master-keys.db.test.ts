import { describeEachDatabase } from '../../../../support/each-database.ts';
import { masterKeysSuite } from './master-keys-suite.ts';

describeEachDatabase('master keys', masterKeysSuite);
