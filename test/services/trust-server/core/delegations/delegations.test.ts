import { describeEachDatabase } from '../../../../support/each-database.ts';
import { putDelegationSuite } from './put-delegation-suite.ts';

describeEachDatabase('delegations', putDelegationSuite);
