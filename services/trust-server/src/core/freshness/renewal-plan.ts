/** What freshness means to sign anew in one dialect of one repository, and what it must leave. */
import type { JsonObject } from '@vidimus/canonical-json';
import type { DialectName } from '@vidimus/tuf';
import type { EventDraft } from '../audit/event-chain.ts';
import type { SignerOf } from '../keys/managed-keys.ts';
import type { DialectPart, Published } from '../publish/publication.ts';
import type { Head, RoleHeads } from '../store/metadata.ts';
import type { RepositoryRow } from '../store/repositories.ts';

/** Where something is due. The caller holds the lock of the row. */
export interface DuePlace {
  readonly row: RepositoryRow;
  readonly dialect: DialectName;
  readonly heads: RoleHeads;
  readonly due: readonly Head[];
  readonly nowMs: number;
}

export interface RenewalPlan {
  readonly dialect: DialectName;
  /** Roles to be signed anew. */
  readonly roles: readonly string[];
  /** Roles that are due, too, but whose parent has expired. */
  readonly blocked: readonly string[];
  /** Which versions of the parents stand in the way, for the log. */
  readonly parents: JsonObject;
  /** Roles whose files others signed, and let expire since that was last said. */
  readonly expired?: readonly string[];
  /** To be told with the renewal. */
  readonly events?: readonly EventDraft[];
  toPart(signerOf: SignerOf): Promise<DialectPart>;
  /** Told after the commit. */
  committed?(published: Published): void;
}

/** Who does it. */
export const byService = { actor: 'service', requestId: 'freshness' } as const;
