import { describeEachDatabase } from '../../../support/each-database.ts';
import { dualAddSuite } from './dual-add-suite.ts';

describeEachDatabase('adding a dialect', dualAddSuite);
