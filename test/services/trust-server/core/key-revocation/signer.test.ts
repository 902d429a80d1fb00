import { describeEachDatabase } from '../../../../support/each-database.ts';
import { signerSuite } from './signer-suite.ts';

describeEachDatabase('revoking keys of signers', signerSuite);
