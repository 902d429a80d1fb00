/**
 * The keys that the service holds for repositories whose root a client holds: asked for before a root lists them, and
 * given out again until one does, so that asking makes no keys without bound.
 */
import type { JsonObject } from '@vidimus/canonical-json';
import { type Database, lockUntilCommit, type Queries } from '@vidimus/database';
import { NotaryError } from '@vidimus/notary';
import type { Root } from '@vidimus/tuf';
import type { NotaryCall, ServedKeyRole } from '../../notary-service.ts';
import { TrustError } from '../../service.ts';
import { appendEvents } from '../audit/append-events.ts';
import type { HeldKey, ManagedKeys } from '../keys/managed-keys.ts';
import { headsIn, type Incarnation, readHeads } from '../store/metadata.ts';
import { lastIncarnation, lockLive, type RepositoryRow, readLive } from '../store/repositories.ts';
import { assertClientHeld, assertMayCreate, by } from './notary-repository.ts';
import type { StateReader } from './stored-state.ts';

export const servedRoles: readonly ServedKeyRole[] = ['timestamp', 'snapshot'];

export interface ServedKeyParts {
  readonly database: Database;
  readonly keys: ManagedKeys;
  readonly states: StateReader;
  readonly now: () => number;
  readonly newId: () => string;
}

/**
 * The public key object for a role. `current` is the one that root lists, if the service holds it; `rotate`, and
 * `current` where there is none, the one that waits, made if need be.
 * @throws TrustError UNAUTHORIZED, NotaryError INVALID_UPDATE
 */
export async function servedKey(
  parts: ServedKeyParts,
  call: NotaryCall,
  repository: string,
  role: ServedKeyRole,
  mode: 'current' | 'rotate',
): Promise<JsonObject> {
  const { db } = parts.database;
  const row = await readLive(db, repository);
  if (row === undefined) assertMayCreate(call, repository);
  const present = row && (await presentKey(parts, db, row, role, mode));
  return present ?? (await parts.database.transaction((tx) => offerKey(parts, tx, call, repository, role)));
}

/** What can be answered without writing. */
async function presentKey(
  parts: ServedKeyParts,
  queries: Queries,
  row: RepositoryRow,
  role: ServedKeyRole,
  mode: 'current' | 'rotate',
): Promise<JsonObject | undefined> {
  if (row.dialects.includes('notary') && mode === 'current' && row.activatedAtMs !== undefined) {
    const heads = headsIn(await readHeads(queries, row), 'notary');
    const { root } = await parts.states.read(queries, row, heads);
    const held = await parts.keys.held(queries, row, 'notary');
    const listed = root.roles[role].keyIds.find((keyId) => held.get(keyId)?.role === role);
    if (listed !== undefined) return held.get(listed)?.declared;
  }
  assertClientHeld(row);
  return waiting(await parts.keys.held(queries, row, 'notary'), role);
}

/** Under the lock of the repository, or of the place where one may come to be. */
async function offerKey(
  parts: ServedKeyParts,
  tx: Queries,
  call: NotaryCall,
  repository: string,
  role: ServedKeyRole,
): Promise<JsonObject> {
  const row = (await lockLive(tx, repository)) ?? (await lockPlace(tx, repository));
  if (row === undefined) assertMayCreate(call, repository);
  else assertClientHeld(row);
  const at: Incarnation = row ?? { repository, incarnation: (await lastIncarnation(tx, repository)) + 1 };
  const made = await parts.keys.make(repository, 'notary', role);
  if (!(await parts.keys.offer(tx, at, made))) {
    const other = waiting(await parts.keys.held(tx, at, 'notary'), role);
    if (other !== undefined) return other;
    throw new TrustError('BUSY', 'the key was taken meanwhile; try again');
  }
  if (row !== undefined) {
    const after = { role, keyId: made.key.keyId };
    await appendEvents(parts, tx, row, [{ ...by(call), action: 'notary.key', after }], parts.now());
  }
  return made.key.declared;
}

/** Creations of one name wait for each other here; a row may have come meanwhile. */
async function lockPlace(tx: Queries, repository: string): Promise<RepositoryRow | undefined> {
  await lockUntilCommit(tx, `trust_repositories.create ${repository}`);
  return await lockLive(tx, repository);
}

function waiting(held: ReadonlyMap<string, HeldKey>, role: ServedKeyRole): JsonObject | undefined {
  for (const key of held.values()) if (key.role === role && key.pending) return key.declared;
  return undefined;
}

/**
 * Keys are never shared between roles: a root that gives the service's key for one role to another one would have it
 * sign what it was not made for.
 * @returns the ids of the service's keys that root lists
 * @throws NotaryError INVALID_UPDATE
 */
export function assertOwnPlaces(root: Root, held: ReadonlyMap<string, HeldKey>): readonly string[] {
  const listed: string[] = [];
  for (const [role, { keyIds }] of Object.entries(root.roles)) {
    for (const keyId of keyIds) {
      const key = held.get(keyId);
      if (key === undefined) continue;
      if (key.role !== role) {
        throw new NotaryError(
          'INVALID_UPDATE',
          `the server made key ${keyId} for ${key.role}, not for ${role}`,
          {
            kind: 'ErrBadRoot',
          },
        );
      }
      listed.push(keyId);
    }
  }
  return listed;
}
