/** On PostgreSQL, too: what delegations, tags by role and changes of them promise holds on every kind of database. */
import { describeEachDatabase } from '../../../../support/each-database.ts';
import { dualDelegationSuite } from './dual-delegation-suite.ts';
import { heldByOthersSuite } from './held-by-others-suite.ts';
import { putDelegationSuite } from './put-delegation-suite.ts';
import { tagsByRoleSuite } from './tags-by-role-suite.ts';

describeEachDatabase('delegations', putDelegationSuite);
describeEachDatabase('tags by role', tagsByRoleSuite);
describeEachDatabase('roles that others hold', heldByOthersSuite);
describeEachDatabase('delegations in both dialects', dualDelegationSuite);
