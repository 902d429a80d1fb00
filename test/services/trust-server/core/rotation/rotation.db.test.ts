import { describeEachDatabase } from '../../../../support/each-database.ts';
import { dualRotationSuite } from './dual-rotation-suite.ts';
import { rotationSuite } from './rotation-suite.ts';
import { upkeepSuite } from './upkeep-suite.ts';

describeEachDatabase('rotation', rotationSuite);
describeEachDatabase('rotation in two dialects', dualRotationSuite);
describeEachDatabase('upkeep', upkeepSuite);
