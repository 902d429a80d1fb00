import { describeEachDatabase } from '../../../support/each-database.ts';
import { changeSuite } from './change-suite.ts';

describeEachDatabase('changes', changeSuite);
