/** Renewal where the service signs targets: every role that is due, unless a document above it has expired. */
import type { Queries } from '@vidimus/database';
import {
  BINS_ROLE,
  type Draft,
  type EditTerms,
  nextRevocations,
  nextRoot,
  nextTargets,
  REVOCATIONS_ROLE,
  type Targets,
} from '@vidimus/tuf';
import { lineTo } from '../delegations/delegation-tree.ts';
import type { ManagedKeys, SignerOf } from '../keys/managed-keys.ts';
import {
  type CurrentDocuments,
  type DocumentReader,
  headOf,
  readCurrent,
} from '../publish/current-documents.ts';
import type { DialectPart } from '../publish/publication.ts';
import { sealRoot } from '../publish/seal.ts';
import { lifetimesIn } from '../store/repository-settings.ts';
import type { DuePlace, RenewalPlan } from './renewal-plan.ts';

interface Parts {
  readonly reader: DocumentReader;
  readonly keys: ManagedKeys;
}

export async function planManaged(parts: Parts, tx: Queries, place: DuePlace): Promise<RenewalPlan> {
  const { row, dialect, heads } = place;
  const current = await readCurrent(parts.reader, tx, row, heads);
  const { roles, blocked } = sortDue(parts.keys, current, place);
  const parents = { root: current.root.version, targets: current.targets.version };
  return {
    dialect,
    roles,
    blocked,
    parents: dialect === 'tuf' ? parents : { [dialect]: parents },
    toPart: (signerOf) => toPart(parts, tx, place, current, roles, signerOf),
  };
}

/** A role is renewed only if every document above it is valid, or renewed with it. */
function sortDue(
  keys: ManagedKeys,
  { root, targets, bins, delegated }: CurrentDocuments,
  { heads, due, nowMs }: DuePlace,
): Pick<RenewalPlan, 'roles' | 'blocked'> {
  const wanted = new Set(due.map(({ role }) => role));
  if (wanted.has('root') && !keys.isAvailable('root')) wanted.delete('root');
  const lives = (role: string, expires: number): boolean => wanted.has(role) || expires > nowMs;
  const hasRoot = lives('root', root.expires);
  const hasTargets = hasRoot && lives('targets', targets.expires);
  const hasBins = hasTargets && lives(BINS_ROLE, bins?.expires ?? 0);
  const mayRenew = (role: string): boolean => {
    if (role === 'root') return wanted.has('root');
    if (role === 'targets' || role === 'snapshot' || role === 'timestamp') return hasRoot;
    if (delegated?.has(role)) {
      const above = lineTo(role).slice(1, -1);
      return hasTargets && above.every((name) => lives(name, delegated.get(name)?.expires ?? 0));
    }
    // One whose file its present keys have not signed is theirs to sign.
    const isOwn = role === REVOCATIONS_ROLE || role === BINS_ROLE;
    if (targets.delegations?.roles.some(({ name }) => name === role)) return hasTargets && isOwn;
    return hasBins;
  };
  const roles = due.map(({ role }) => role).filter((role) => heads.has(role));
  return { roles: roles.filter(mayRenew), blocked: roles.filter((role) => !mayRenew(role)) };
}

async function toPart(
  { reader }: Parts,
  tx: Queries,
  { row, dialect, heads, nowMs }: DuePlace,
  current: CurrentDocuments,
  roles: readonly string[],
  signerOf: SignerOf,
): Promise<DialectPart> {
  const terms: EditTerms = {
    repository: row.repository,
    nowMs,
    lifetimesMs: lifetimesIn(row.settings, dialect),
    highest: new Map(Array.from(heads, ([role, head]) => [role, head.version])),
  };
  const targets = new Map<string, Draft<Targets>>();
  for (const role of roles) {
    if (role === 'root' || role === 'snapshot' || role === 'timestamp') continue;
    const document = await reader.read(tx, row, 'targets', headOf(heads, role), current);
    const draft =
      role === REVOCATIONS_ROLE
        ? nextRevocations(document, {}, terms)
        : nextTargets(role, document, {}, terms);
    targets.set(role, draft);
  }
  const sealing = { dialect, repository: row.repository, nowMs, signerOf };
  const root = roles.includes('root')
    ? await sealRoot(sealing, nextRoot(current.root, {}, terms), current.root)
    : undefined;
  return {
    dialect,
    base: current,
    terms,
    ...(root === undefined ? {} : { root }),
    targets,
    renewSnapshot: roles.includes('snapshot'),
  };
}
