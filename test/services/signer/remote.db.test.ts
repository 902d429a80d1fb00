import { describeEachDatabase } from '../../support/each-database.ts';
import { remoteSuite } from './remote-suite.ts';

describeEachDatabase('keys in a signer', remoteSuite);
