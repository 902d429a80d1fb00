import { describeEachDatabase } from '../../support/each-database.ts';
import { storeSuite } from './store-suite.ts';

describeEachDatabase('database', storeSuite, 'owner');
