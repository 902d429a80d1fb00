/** Every document of targets and delegated roles that a restored repository has, delegators first. */
import type { Queries } from '@vidimus/database';
import { BINS_ROLE, type Root, type Targets } from '@vidimus/tuf';
import { authorityOf, type Delegators, type DocumentReader } from '../publish/current-documents.ts';
import type { Head, Incarnation, RoleHeads } from '../store/metadata.ts';

const onlineRoles: ReadonlySet<string> = new Set(['root', 'snapshot', 'timestamp']);

/**
 * By role; roles that nobody delegates any more are left out: their entries stay in snapshot.
 * @throws TrustError INTERNAL for a file that does not verify
 */
export async function readTargetsRoles(
  reader: DocumentReader,
  queries: Queries,
  at: Incarnation,
  heads: RoleHeads,
  root: Root,
): Promise<ReadonlyMap<string, Targets>> {
  const documents = new Map<string, Targets>();
  let waiting: readonly Head[] = [...heads.values()].filter(({ role }) => !onlineRoles.has(role));
  for (;;) {
    const delegators = toDelegators(root, documents);
    const ready = waiting.filter(({ role }) => authorityOf(role, delegators) !== undefined);
    if (ready.length === 0) return documents;
    for (const head of ready) {
      documents.set(head.role, await reader.read(queries, at, 'targets', head, delegators));
    }
    const known = new Set(ready.map(({ role }) => role));
    waiting = waiting.filter(({ role }) => !known.has(role));
  }
}

/** Who delegates, as far as these documents say. */
export function toDelegators(root: Root, documents: ReadonlyMap<string, Targets>): Delegators {
  const targets = documents.get('targets');
  const bins = documents.get(BINS_ROLE);
  return {
    root,
    ...(targets === undefined ? {} : { targets }),
    ...(bins === undefined ? {} : { bins }),
    delegated: documents,
  };
}
