/** The body of `PUT …/_trust` with every default written out, and its rules of custody. */
import { encodeCanonical, type JsonObject, type JsonValue } from '@vidimus/canonical-json';
import { sha256Hex } from '@vidimus/crypto';
import { type DialectName, type Key, TufError } from '@vidimus/tuf';
import { durationToMs } from '../../duration.ts';
import type { CreateRepository, KeyEntry, RoleSettings } from '../../schemas/index.ts';
import { TrustError } from '../../service.ts';
import { codecOf } from '../dialects.ts';

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

/** A key that only a client can use, as one dialect writes it. */
export interface ClientKey {
  readonly dialect: DialectName;
  readonly key: Key;
}

export interface RoleRequest {
  readonly threshold: number;
  readonly lifetimeMs: number;
  /** How many keys the service makes, in each dialect. */
  readonly managedKeys: number;
  readonly clientKeys: readonly ClientKey[];
}

export interface CreationRequest {
  /** `tuf` first. */
  readonly dialects: readonly DialectName[];
  readonly roles: Readonly<Record<RepositoryRole, RoleRequest>>;
  readonly digestRetentionMs: number;
  /** Hex SHA-256 of all of the above: the same request, however it was written, has the same one. */
  readonly sha256: string;
}

/**
 * @throws TrustError CUSTODY_INVALID when nobody is said to hold root, or a client should hold snapshot or timestamp;
 * KEY_INVALID for a key object that is not one; BODY_INVALID for dialects that cannot be made so
 */
export function toCreationRequest(body: CreateRepository): CreationRequest {
  const dialects = toDialects(body.dialects ?? ['tuf']);
  if (body.roles?.root?.keys === undefined) {
    throw new TrustError(
      'CUSTODY_INVALID',
      'say who holds the root keys: roles.root.keys is [{"custody":"client","key":{…}}], which vidimus init makes ' +
        'on your machine, or [{"custody":"managed"}], which leaves root online',
      { role: 'root', choices: ['client', 'managed'] },
    );
  }
  const toRoleRequest = (role: RepositoryRole): RoleRequest => toRole(role, body.roles?.[role], dialects);
  const roles = {
    root: toRoleRequest('root'),
    targets: toRoleRequest('targets'),
    snapshot: toRoleRequest('snapshot'),
    timestamp: toRoleRequest('timestamp'),
    revocations: toRoleRequest('revocations'),
  };
  for (const role of repositoryRoles) assertReached(role, roles[role], dialects);
  const digestRetentionMs = durationToMs(body.digestRetention ?? defaultRetention);
  return { dialects, roles, digestRetentionMs, sha256: fingerprint(dialects, roles, digestRetentionMs) };
}

/** True when the service cannot sign the first document of a role without somebody else. */
export function needsClient({ managedKeys, threshold }: RoleRequest): boolean {
  return managedKeys < threshold;
}

/** The keys of a list that are written in one dialect. */
export function clientKeysIn({ clientKeys }: RoleRequest, dialect: DialectName): readonly Key[] {
  return clientKeys.flatMap((entry) => (entry.dialect === dialect ? [entry.key] : []));
}

/** Reads key entries of the root role. @throws TrustError KEY_INVALID, CUSTODY_INVALID */
export function toRootRequest(
  settings: RoleSettings | undefined,
  dialects: readonly DialectName[],
): RoleRequest {
  return toRole('root', settings, dialects);
}

function toDialects(asked: readonly DialectName[]): readonly DialectName[] {
  if (new Set(asked).size !== asked.length) {
    throw new TrustError('BODY_INVALID', 'dialects: the same one twice');
  }
  if (!asked.includes('tuf')) {
    throw new TrustError(
      'BODY_INVALID',
      'a repository of the dialect notary alone is made by a Notary client: point notary or docker at this server',
      { dialects: [...asked] },
    );
  }
  return asked.includes('notary') ? ['tuf', 'notary'] : ['tuf'];
}

/** A role must be signable in every dialect that has it, by whoever holds it. */
function assertReached(role: RepositoryRole, request: RoleRequest, dialects: readonly DialectName[]): void {
  if (dialects.length === 1) return;
  for (const dialect of dialects) {
    const keys = request.managedKeys + clientKeysIn(request, dialect).length;
    if (keys >= request.threshold || (role === 'revocations' && dialect !== 'tuf')) continue;
    throw new TrustError(
      'THRESHOLD_INVALID',
      `${role} has ${keys} keys in the dialect ${dialect}, fewer than its threshold of ${request.threshold}`,
      { role, dialect, keys, threshold: request.threshold },
    );
  }
}

function toRole(
  role: RepositoryRole,
  settings: RoleSettings | undefined,
  dialects: readonly DialectName[],
): RoleRequest {
  const entries = settings?.keys ?? [{ custody: 'managed' as const }];
  const clientKeys = entries.flatMap((entry) =>
    entry.custody === 'client' ? [toClientKey(role, entry, dialects)] : [],
  );
  if ((role === 'snapshot' || role === 'timestamp') && clientKeys.length > 0) {
    throw new TrustError('CUSTODY_INVALID', `the keys of role ${role} are managed, never a client’s`, {
      role,
      choices: ['managed'],
    });
  }
  return {
    threshold: settings?.threshold ?? 1,
    lifetimeMs: durationToMs(settings?.expiresAfter ?? defaultLifetime[role]),
    managedKeys: entries.length - clientKeys.length,
    clientKeys,
  };
}

/** The key of a client entry. @throws TrustError KEY_INVALID */
export function toClientKey(
  role: string,
  { dialect = 'tuf', key: declared }: Extract<KeyEntry, { custody: 'client' }>,
  dialects: readonly DialectName[],
): ClientKey {
  if (!dialects.includes(dialect)) {
    throw new TrustError('KEY_INVALID', `a key of role ${role} is of a dialect that was not asked for`, {
      role,
      dialect,
    });
  }
  let key: Key;
  try {
    key = codecOf(dialect).toKey(declared);
  } catch (cause) {
    if (!(cause instanceof TufError)) throw cause;
    const what = dialect === 'tuf' ? 'a TUF key object' : 'a key object of Notary v1';
    throw new TrustError('KEY_INVALID', `a key of role ${role} is not ${what}`, { role, dialect }, { cause });
  }
  if (key.usable !== undefined) return { dialect, key };
  throw new TrustError('KEY_INVALID', `key ${key.keyId} is of an unknown kind, malformed or weak`, {
    role,
    dialect,
    keyId: key.keyId,
  });
}

function fingerprint(
  dialects: readonly DialectName[],
  roles: CreationRequest['roles'],
  digestRetentionMs: number,
): string {
  const told = repositoryRoles.map((name): JsonObject => {
    const { threshold, lifetimeMs, managedKeys, clientKeys } = roles[name];
    return {
      name,
      threshold,
      lifetimeMs,
      managedKeys,
      clientKeys: clientKeys.map(({ key }) => key.keyId).sort(),
    };
  });
  // Requests of before there were dialects keep their fingerprint.
  const more: JsonObject = dialects.length === 1 ? {} : { dialects: [...dialects] };
  const value: JsonValue = { roles: told, digestRetentionMs, ...more };
  return sha256Hex(encodeCanonical(value));
}
