/** What the use cases here work with. */
import type { Database } from '@vidimus/database';
import type { ApprovalRules } from '../approvals/approval-rules.ts';
import type { ManagedKeys } from '../keys/managed-keys.ts';
import type { StateReader } from '../notary/stored-state.ts';
import type { DocumentReader } from '../publish/current-documents.ts';

export interface DialectParts {
  readonly database: Database;
  readonly reader: DocumentReader;
  readonly states: StateReader;
  readonly keys: ManagedKeys;
  /** What another person must agree to. */
  readonly approvals: ApprovalRules;
  /** Milliseconds since 1970. */
  readonly now: () => number;
  readonly newId: () => string;
}
