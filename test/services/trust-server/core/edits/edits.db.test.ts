import { describeEachDatabase } from '../../../../support/each-database.ts';
import { creationCustodySuite } from './creation-custody-suite.ts';

describeEachDatabase('custody from the first version on', creationCustodySuite);
