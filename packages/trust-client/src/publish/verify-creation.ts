/**
 * Before a client signs the first root of a repository it makes the same document itself, from the
 * request it sent, and compares bytes: the server chooses the keys it holds, and nothing else.
 */
import { ed25519FromSeed, fromBase64, sha256Hex, toHex } from '@vidimus/crypto';
import {
  createRepository,
  type Draft,
  type EditTerms,
  type Key,
  MAX_CLOCK_SKEW_MS,
  parseTime,
  type RepositoryKeys,
  type RoleKeySet,
  type RoleKeys,
  tufDialect,
} from '@vidimus/tuf';
import { TrustClientError } from '../errors.ts';
import type { Change, ChangeDocument } from './answers.ts';
import type { CreateRepositoryRequest, RequestedRole } from './requests.ts';

/** A document that was recomputed and found equal, byte for byte. */
export interface VerifiedDocument {
  readonly dialect: 'tuf';
  readonly role: string;
  readonly version: number;
  readonly message: Uint8Array;
  /** Hex. */
  readonly sha256: string;
  /** Key ids whose signatures count for it. */
  readonly keyIds: readonly string[];
}

/** What the service applies where a request is silent (CONTRACTS C3). */
const DEFAULT_LIFETIMES: Readonly<Record<RequestedRole, string>> = {
  root: '365d',
  targets: '90d',
  snapshot: '7d',
  timestamp: '24h',
  revocations: '30d',
};
const UNIT_MS = new Map([
  ['s', 1_000],
  ['m', 60_000],
  ['h', 3_600_000],
  ['d', 86_400_000],
]);
const MAX_DOCUMENT_BYTES = 1024 * 1024;

export interface CreationCheck {
  readonly repository: string;
  /** As this client sent it. */
  readonly request: CreateRepositoryRequest;
  readonly change: Change;
  /** Milliseconds. */
  readonly now: number;
}

/**
 * The documents of a creation that this client may sign.
 * @throws TrustClientError CHANGE_MISMATCH naming the first thing that is not as requested
 */
export function verifyCreation(check: CreationCheck): readonly VerifiedDocument[] {
  const { change, repository, now } = check;
  if (change.repository !== repository) throw mismatch('it belongs to another repository');
  if (change.kind !== 'create') throw mismatch('it is not the creation of a repository');
  const issued = parseTime(change.times.issued);
  if (issued === undefined || issued > now + MAX_CLOCK_SKEW_MS) throw mismatch('it is dated in the future');
  const offered = new Map(change.documents.map((document) => [document.role, openOffered(document)]));
  if (offered.size !== change.documents.length) throw mismatch('it names a role twice');

  const expected = recompute(check, issued, offered);
  return change.documents.map((document) => compare(document, offered, expected));
}

interface Offered {
  readonly message: Uint8Array;
  readonly version: number;
  readonly document: ReturnType<typeof decodeOffered>;
}

function openOffered(document: ChangeDocument): Offered {
  const { role, dialect, sha256, version } = document;
  if (dialect !== 'tuf') throw mismatch(`it is of the dialect ${dialect}, which was not asked for`);
  try {
    const message = fromBase64(document.toSign);
    if (sha256Hex(message) !== sha256) throw mismatch(`the bytes of ${role} are not those of their hash`);
    return { message, version, document: decodeOffered(role, message) };
  } catch (cause) {
    if (cause instanceof TrustClientError) throw cause;
    throw mismatch(`${role} cannot be read`, cause);
  }
}

function decodeOffered(role: string, message: Uint8Array) {
  const envelope = tufDialect.open(tufDialect.seal(message, []), MAX_DOCUMENT_BYTES);
  return tufDialect.decode(role === 'root' ? 'root' : 'targets', envelope);
}

type Expected = ReadonlyMap<string, Uint8Array>;

function recompute(check: CreationCheck, issued: number, offered: ReadonlyMap<string, Offered>): Expected {
  const { request, repository } = check;
  const root = offered.get('root')?.document;
  if (root?.kind !== 'root') throw mismatch('it holds no root');
  const delegations = targetsOf(offered)?.delegations;
  const revocations = delegations?.roles.find((role) => role.name === 'revocations');
  const keys: RepositoryKeys = {
    root: keySet('root', request, root.roles.root, root.keys),
    targets: keySet('targets', request, root.roles.targets, root.keys),
    snapshot: keySet('snapshot', request, root.roles.snapshot, root.keys),
    timestamp: keySet('timestamp', request, root.roles.timestamp, root.keys),
    revocations:
      revocations && delegations ? keySet('revocations', request, revocations, delegations.keys) : standIn(),
  };
  const terms: EditTerms = {
    repository,
    nowMs: issued,
    lifetimesMs: lifetimes(request),
    // A later incarnation goes on above the versions of the one before.
    highest: new Map([...offered].map(([role, { version }]) => [role, version - 1])),
  };
  try {
    const made = createRepository(keys, terms);
    return new Map(
      Object.entries(made).map(([role, draft]: [string, Draft]) => [role, tufDialect.encode(draft)]),
    );
  } catch (cause) {
    throw mismatch('no repository can be made of it', cause);
  }
}

function targetsOf(offered: ReadonlyMap<string, Offered>) {
  const document = offered.get('targets')?.document;
  return document?.kind === 'targets' ? document : undefined;
}

/** The keys of a role: those of the request, and as many of the server's as the request left to it. */
function keySet(
  role: RequestedRole,
  request: CreateRepositoryRequest,
  offered: RoleKeys,
  keys: ReadonlyMap<string, Key>,
): RoleKeySet {
  const wanted = request.roles?.[role];
  const entries = wanted?.keys ?? [{ custody: 'managed' } as const];
  const own = entries.flatMap((entry) => (entry.custody === 'client' ? [tufDialect.toKey(entry.key)] : []));
  const ownIds = new Set(own.map((key) => key.keyId));
  const managed = offered.keyIds.flatMap((keyId) => (ownIds.has(keyId) ? [] : (keys.get(keyId) ?? [])));
  if (managed.length !== entries.length - own.length) throw mismatch(`${role} has other keys than requested`);
  if (managed.some((key) => key.usable?.scheme !== 'ed25519')) {
    throw mismatch(`${role} has a key of the server that is not ed25519`);
  }
  return { keys: [...own, ...managed], threshold: wanted?.threshold ?? 1 };
}

/** Where targets is the server's to sign, no document shown to this client lists the keys of `revocations`. */
function standIn(): RoleKeySet {
  const { publicRaw } = ed25519FromSeed(new Uint8Array(32));
  const declared = { keytype: 'ed25519', scheme: 'ed25519', keyval: { public: toHex(publicRaw) } };
  return { keys: [tufDialect.toKey(declared)], threshold: 1 };
}

function lifetimes(request: CreateRepositoryRequest): ReadonlyMap<string, number> {
  const roles: RequestedRole[] = ['root', 'targets', 'snapshot', 'timestamp', 'revocations'];
  return new Map(
    roles.map((role) => [role, toMs(request.roles?.[role]?.expiresAfter ?? DEFAULT_LIFETIMES[role])]),
  );
}

function toMs(duration: string): number {
  const unit = /^[0-9]{1,9}[smhd]$/.test(duration) ? UNIT_MS.get(duration.slice(-1)) : undefined;
  if (unit === undefined)
    throw new TrustClientError('OPTIONS_INVALID', 'a lifetime is a duration such as 90d');
  return Number(duration.slice(0, -1)) * unit;
}

function compare(
  document: ChangeDocument,
  offered: ReadonlyMap<string, Offered>,
  expected: Expected,
): VerifiedDocument {
  const { role, version, sha256 } = document;
  const message = offered.get(role)?.message;
  const own = expected.get(role);
  if (message === undefined || own === undefined) throw mismatch(`${role} is not part of the creation`);
  if (!Buffer.from(message).equals(own)) throw mismatch(`${role} differs from what the request says`);
  const keyIds = document.thresholds.flatMap((threshold) => threshold.keyIds);
  return { dialect: 'tuf', role, version, message, sha256, keyIds };
}

function mismatch(problem: string, cause?: unknown): TrustClientError {
  return new TrustClientError('CHANGE_MISMATCH', `the change is not what was asked for: ${problem}`, {
    cause,
    hint: 'do not sign it; the server, or somebody in between, changed the request',
  });
}
