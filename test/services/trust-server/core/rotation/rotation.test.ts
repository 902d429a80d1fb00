import { describeEachDatabase } from '../../../../support/each-database.ts';
import { rotationSuite } from './rotation-suite.ts';

describeEachDatabase('rotation', rotationSuite);
