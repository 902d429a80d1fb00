/** The body of `PUT …/_trust` with every default written out, and its rules of custody. */
import { encodeCanonical, type JsonObject, type JsonValue } from '@vidimus/canonical-json';
import { sha256Hex } from '@vidimus/crypto';
import { type Key, TufError, tufDialect } from '@vidimus/tuf';
import { durationToMs } from '../../duration.ts';
import type { CreateRepository, KeyEntry, RoleSettings } from '../../schemas.ts';
import { TrustError } from '../../service.ts';

export const repositoryRoles = ['root', 'targets', 'snapshot', 'timestamp', 'revocations'] as const;
export type RepositoryRole = (typeof repositoryRoles)[number];

const defaultLifetime: Readonly<Record<RepositoryRole, string>> = {
  root: '365d',
  targets: '90d',
  snapshot: '7d',
  timestamp: '24h',
  revocations: '30d',
};
const defaultRetention = '90d';

export interface RoleRequest {
  readonly threshold: number;
  readonly lifetimeMs: number;
  /** How many keys the service makes. */
  readonly managedKeys: number;
  readonly clientKeys: readonly Key[];
}

export interface CreationRequest {
  readonly roles: Readonly<Record<RepositoryRole, RoleRequest>>;
  readonly digestRetentionMs: number;
  /** Hex SHA-256 of all of the above: the same request, however it was written, has the same one. */
  readonly sha256: string;
}

/**
 * @throws TrustError CUSTODY_INVALID when nobody is said to hold root, or a client should hold another role;
 * KEY_INVALID for a key object that is not one
 */
export function toCreationRequest(body: CreateRepository): CreationRequest {
  if (body.roles?.root?.keys === undefined) {
    throw new TrustError(
      'CUSTODY_INVALID',
      'say who holds the root keys: roles.root.keys is [{"custody":"client","key":{…}}], which vidimus init makes ' +
        'on your machine, or [{"custody":"managed"}], which leaves root online',
      { role: 'root', choices: ['client', 'managed'] },
    );
  }
  const roles = {
    root: toRole('root', body.roles.root),
    targets: toRole('targets', body.roles.targets),
    snapshot: toRole('snapshot', body.roles.snapshot),
    timestamp: toRole('timestamp', body.roles.timestamp),
    revocations: toRole('revocations', body.roles.revocations),
  };
  const digestRetentionMs = durationToMs(body.digestRetention ?? defaultRetention);
  return { roles, digestRetentionMs, sha256: fingerprint(roles, digestRetentionMs) };
}

/** True when the service cannot sign root without somebody else. */
export function needsClient({ root }: CreationRequest['roles']): boolean {
  return root.managedKeys < root.threshold;
}

function toRole(role: RepositoryRole, settings: RoleSettings | undefined): RoleRequest {
  const entries = settings?.keys ?? [{ custody: 'managed' as const }];
  const clientKeys = entries.flatMap((entry) => (entry.custody === 'client' ? [toKey(role, entry)] : []));
  if (role !== 'root' && clientKeys.length > 0) {
    throw new TrustError(
      'CUSTODY_INVALID',
      `role ${role} can only be managed so far: leave its keys out; root may be held by clients`,
      { role, choices: ['managed'] },
    );
  }
  return {
    threshold: settings?.threshold ?? 1,
    lifetimeMs: durationToMs(settings?.expiresAfter ?? defaultLifetime[role]),
    managedKeys: entries.length - clientKeys.length,
    clientKeys,
  };
}

function toKey(role: RepositoryRole, entry: Extract<KeyEntry, { custody: 'client' }>): Key {
  let key: Key;
  try {
    key = tufDialect.toKey(entry.key);
  } catch (cause) {
    if (!(cause instanceof TufError)) throw cause;
    throw new TrustError('KEY_INVALID', `a key of role ${role} is not a TUF key object`, { role }, { cause });
  }
  if (key.usable !== undefined) return key;
  throw new TrustError('KEY_INVALID', `key ${key.keyId} is of an unknown kind, malformed or weak`, {
    role,
    keyId: key.keyId,
  });
}

function fingerprint(roles: CreationRequest['roles'], digestRetentionMs: number): string {
  const told = repositoryRoles.map((name): JsonObject => {
    const { threshold, lifetimeMs, managedKeys, clientKeys } = roles[name];
    return {
      name,
      threshold,
      lifetimeMs,
      managedKeys,
      clientKeys: clientKeys.map(({ keyId }) => keyId).sort(),
    };
  });
  const value: JsonValue = { roles: told, digestRetentionMs };
  return sha256Hex(encodeCanonical(value));
}
