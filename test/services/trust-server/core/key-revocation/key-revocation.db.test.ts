import { describeEachDatabase } from '../../../../support/each-database.ts';
import { dualRevocationSuite } from './dual-revocation-suite.ts';
import { revocationSuite } from './revocation-suite.ts';
import { signerSuite } from './signer-suite.ts';

describeEachDatabase('revoking keys', revocationSuite);
describeEachDatabase('revoking keys of two dialects', dualRevocationSuite);
describeEachDatabase('revoking keys of signers', signerSuite);
