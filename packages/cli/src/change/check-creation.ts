/** The creation of a repository, recomputed from the request that it describes; its root keys must be those pinned here. */
import { notaryDialect } from '@vidimus/notary';
import {
  type Change,
  type CreateRepositoryRequest,
  exportAnchor,
  type PinnableAnchor,
  parseAnchorFile,
  TrustClientError,
  verifyCreation,
} from '@vidimus/trust-client';
import { type Key, tufDialect } from '@vidimus/tuf';
import { z } from 'zod';
import { openCache } from '../client/open-client.ts';
import type { Context } from '../context.ts';
import { requestedRootKeys } from '../publish/complete-creation.ts';
import type { CheckedChange } from './check-change.ts';

const dialectName = z.enum(['tuf', 'notary']);
const keyEntry = z.discriminatedUnion('custody', [
  z.strictObject({ custody: z.literal('managed'), algorithm: z.literal('ed25519').optional() }),
  z.strictObject({
    custody: z.literal('client'),
    dialect: dialectName.optional(),
    key: z.record(z.string(), z.json()),
  }),
]);
const role = z.strictObject({
  threshold: z.int().min(1).optional(),
  expiresAfter: z.string().optional(),
  keys: z.array(keyEntry).optional(),
});
const creation = z.strictObject({
  dialects: z.array(dialectName).min(1).max(2).optional(),
  digestRetention: z.string().optional(),
  roles: z
    .strictObject({
      root: role.optional(),
      targets: role.optional(),
      snapshot: role.optional(),
      timestamp: role.optional(),
      revocations: role.optional(),
    })
    .optional(),
});

/** @throws TrustClientError CHANGE_MISMATCH, ANCHOR_MISMATCH */
export async function checkCreation(context: Context, change: Change): Promise<CheckedChange> {
  const { repository } = change;
  const parsed = creation.safeParse(change.edit.body);
  if (!parsed.success) throw mismatch('the request it describes is none');
  const request = toRequest(parsed.data);
  const documents = verifyCreation({ repository, request, change, now: context.world.now() });
  const isPinned = assertFitsAnchor(await pinnedAnchor(context, repository), request);
  return { change, documents, keys: keysIn(request), request, isPinned };
}

/** Keys that clients hold, as the request names them: the others are the service's. */
function keysIn({ roles = {} }: CreateRepositoryRequest): ReadonlyMap<string, Key> {
  const entries = Object.values(roles).flatMap((role) => role?.keys ?? []);
  return new Map(
    entries.flatMap((entry) => {
      if (entry.custody !== 'client') return [];
      const key = (entry.dialect === 'notary' ? notaryDialect : tufDialect).toKey(entry.key);
      return [[key.keyId, key] as const];
    }),
  );
}

/** Whoever pinned root keys for a repository that is not there yet wants those, and no others. */
function assertFitsAnchor(anchor: PinnableAnchor | undefined, request: CreateRepositoryRequest): boolean {
  if (anchor === undefined) return false;
  if (anchor.kind === 'keyIds') {
    const same = [...anchor.keyIds].sort().join() === requestedRootKeys(request).join();
    if (same && anchor.threshold === (request.roles?.root?.threshold ?? 1)) return true;
  }
  throw new TrustClientError('ANCHOR_MISMATCH', 'the change creates another root than the one pinned here', {
    hint: 'do not sign it, unless you know why the pin is wrong: vidimus anchor list',
  });
}

async function pinnedAnchor(context: Context, repository: string): Promise<PinnableAnchor | undefined> {
  try {
    return parseAnchorFile(await exportAnchor(openCache(context), repository), repository).pinned;
  } catch (error) {
    if (error instanceof TrustClientError && error.code === 'ANCHOR_MISSING') return undefined;
    throw error;
  }
}

type Described = z.infer<typeof creation>;
type DescribedRole = z.infer<typeof role>;

function toRequest({ dialects, roles = {} }: Described): CreateRepositoryRequest {
  const { root, targets, snapshot, timestamp, revocations } = roles;
  return {
    ...(dialects && { dialects }),
    roles: {
      ...(root && { root: toRole(root) }),
      ...(targets && { targets: toRole(targets) }),
      ...(snapshot && { snapshot: toRole(snapshot) }),
      ...(timestamp && { timestamp: toRole(timestamp) }),
      ...(revocations && { revocations: toRole(revocations) }),
    },
  };
}

function toRole({ threshold, expiresAfter, keys }: DescribedRole) {
  return {
    ...(threshold === undefined ? {} : { threshold }),
    ...(expiresAfter === undefined ? {} : { expiresAfter }),
    ...(keys === undefined
      ? {}
      : {
          keys: keys.map((entry) =>
            entry.custody === 'managed'
              ? { custody: 'managed' as const }
              : {
                  custody: 'client' as const,
                  ...(entry.dialect && { dialect: entry.dialect }),
                  key: entry.key,
                },
          ),
        }),
  };
}

function mismatch(problem: string): TrustClientError {
  return new TrustClientError('CHANGE_MISMATCH', `the change is not what it says: ${problem}`, {
    hint: 'do not sign it; the server, or somebody in between, changed the request',
  });
}
