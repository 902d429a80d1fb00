import { describeEachDatabase, openPostgresForTest } from '../../../../support/each-database.ts';
import { backupSuite } from './backup-suite.ts';

describeEachDatabase('backup, restored on PostgreSQL', (given) => backupSuite(given, openPostgresForTest));
