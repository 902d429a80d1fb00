import { describeEachDatabase } from '../../../support/each-database.ts';
import { dualMirrorSuite } from './dual-mirror-suite.ts';

describeEachDatabase('mirroring', dualMirrorSuite);
