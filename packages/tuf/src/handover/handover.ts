/**
 * A hand-over: recovery keys say that a repository, whose root keys are lost, goes on with another root. `_type` is
 * compared exactly, so no hand-over is a role's document, and no document a hand-over. That it is accepted once, and
 * only by somebody who was asked, is the client's business.
 */
import { encodeCanonical, type JsonObject } from '@vidimus/canonical-json';
import { isSha256Hex, sha256Hex } from '@vidimus/crypto';
import { isRepositoryName } from '@vidimus/reference';
import { TufError } from '../errors.ts';
import type { DialectName, Envelope, Root } from '../model.ts';
import { verifyThreshold } from '../threshold.ts';
import { readTime } from '../tuf-dialect/binding.ts';
import { open } from '../tuf-dialect/envelope.ts';
import { malformed, readInteger, readObject, readString } from '../tuf-dialect/shape.ts';
import { formatTime } from '../tuf-dialect/time.ts';
import { RECOVERY_FIELD, type RecoveryKeys } from './recovery-keys.ts';

export const HANDOVER_TYPE = 'vidimus-handover';
/** Largest file, bytes. */
export const MAX_HANDOVER_BYTES = 65_536;
/** Longest life: a statement that lies about for years would be found by somebody. */
export const MAX_HANDOVER_LIFETIME_MS = 90 * 86_400_000;
/** How much the clock of whoever made it may be ahead. */
const MAX_SKEW_MS = 5 * 60_000;

/** A root by version and by the SHA-256 of its whole file, lower-case hex. */
export interface RootName {
  readonly version: number;
  readonly sha256: string;
}

export interface Handover {
  readonly repository: string;
  readonly dialect: DialectName;
  /** The root that is left. */
  readonly from: RootName;
  /** The root that is to be trusted in its place. */
  readonly to: RootName;
  /** Milliseconds since 1970, whole seconds. */
  readonly issued: number;
  readonly expires: number;
  /** For people. */
  readonly reason: string;
}

/** A hand-over as read: shape and limits hold, no signature was checked. */
export interface HandoverFile {
  readonly handover: Handover;
  readonly envelope: Envelope;
  /** SHA-256 of the signed part: what it is remembered by, whoever signs it in addition. */
  readonly id: string;
}

const MAX_REASON = 1_024;
const members = ['_type', 'repository', 'dialect', 'from', 'to', 'issued', 'expires', 'reason'];

/** The exact bytes to sign. @throws TufError MALFORMED for what `readHandover` would refuse */
export function encodeHandover(handover: Handover): Uint8Array {
  const { from, to, issued, expires, ...rest } = handover;
  const signed: JsonObject = {
    _type: HANDOVER_TYPE,
    ...rest,
    from: { version: from.version, sha256: from.sha256 },
    to: { version: to.version, sha256: to.sha256 },
    issued: formatTime(issued),
    expires: formatTime(expires),
  };
  decode(signed);
  return encodeCanonical(signed);
}

/** @throws TufError MALFORMED, LIMIT, WRONG_TYPE */
export function readHandover(bytes: Uint8Array): HandoverFile {
  const envelope = open(bytes, MAX_HANDOVER_BYTES);
  return { handover: decode(envelope.signed), envelope, id: sha256Hex(envelope.message) };
}

/** Where, when and by whose leave a hand-over is looked at. */
export interface HandoverCheck {
  readonly repository: string;
  readonly dialect: DialectName;
  /** Milliseconds since 1970. */
  readonly nowMs: number;
  /** Named before, by the root that is left or by the client's anchor or directory. */
  readonly recovery: RecoveryKeys | undefined;
  /** The root that is left, as the client trusts it. */
  readonly from: Pick<Root, 'keys' | 'roles'>;
  /** SHA-256 of its file. */
  readonly fromSha256: string;
}

/**
 * Checks all that can be checked without the new root: place, time, the root that is left, and the signatures.
 * @returns ids of the keys that signed
 * @throws TufError BINDING, LIFETIME, EXPIRED, ROOT_CHAIN, ANCHOR (nobody may hand over) or THRESHOLD
 */
export function verifyHandover(
  { handover, envelope }: HandoverFile,
  check: HandoverCheck,
): readonly string[] {
  const { repository, dialect, nowMs, recovery, from, fromSha256 } = check;
  if (handover.repository !== repository || handover.dialect !== dialect) {
    throw new TufError('BINDING', 'the hand-over is made for another repository or dialect', {
      found: `${handover.repository} ${handover.dialect}`,
    });
  }
  if (handover.issued > nowMs + MAX_SKEW_MS) {
    throw new TufError('LIFETIME', 'the hand-over is issued in the future', { issued: handover.issued });
  }
  if (nowMs >= handover.expires) {
    throw new TufError('EXPIRED', 'the hand-over is expired', { expires: handover.expires });
  }
  if (handover.from.sha256 !== fromSha256) {
    throw new TufError('ROOT_CHAIN', 'the hand-over leaves another root than the one trusted here', {
      version: handover.from.version,
    });
  }
  if (recovery === undefined) {
    throw new TufError(
      'ANCHOR',
      `no recovery keys were named before (${RECOVERY_FIELD}, anchor or directory)`,
    );
  }
  const keys = withoutOnlineKeys(recovery, from);
  const roleKeys = { keyIds: [...keys.keys()], threshold: recovery.threshold };
  return verifyThreshold(envelope, keys, roleKeys, 'recovery').keyIds;
}

/** Whoever signs below root (the service, mostly) must never be able to hand the repository over. */
function withoutOnlineKeys(recovery: RecoveryKeys, root: HandoverCheck['from']): RecoveryKeys['keys'] {
  const { targets, snapshot, timestamp } = root.roles;
  const online = new Set(
    [targets, snapshot, timestamp].flatMap(({ keyIds }) =>
      keyIds.map((id) => root.keys.get(id)?.usable?.materialId),
    ),
  );
  return new Map([...recovery.keys].filter(([, key]) => !online.has(key.usable?.materialId)));
}

function decode(signed: JsonObject): Handover {
  const type = readString(signed['_type'], '_type');
  if (type !== HANDOVER_TYPE) {
    throw new TufError('WRONG_TYPE', 'a hand-over was expected', { found: type.slice(0, 32) });
  }
  const unknown = Object.keys(signed).find((name) => !members.includes(name));
  if (unknown !== undefined) throw malformed(unknown, 'unknown member');
  const repository = readString(signed['repository'], 'repository');
  if (!isRepositoryName(repository)) throw malformed('repository', 'not a normalised repository name');
  const dialect = readString(signed['dialect'], 'dialect');
  if (dialect !== 'tuf' && dialect !== 'notary') throw malformed('dialect', 'not tuf or notary');
  const issued = readTime(signed['issued'], 'issued');
  const expires = readTime(signed['expires'], 'expires');
  if (expires <= issued || expires - issued > MAX_HANDOVER_LIFETIME_MS) {
    throw malformed('expires', 'not within 90 days after it was issued');
  }
  const reason = readString(signed['reason'], 'reason');
  if (reason === '' || reason.length > MAX_REASON)
    throw malformed('reason', `not 1 to ${MAX_REASON} characters`);
  const from = readRootName(signed['from'], 'from');
  const to = readRootName(signed['to'], 'to');
  if (from.sha256 === to.sha256) throw malformed('to', 'the root that is left');
  return { repository, dialect, from, to, issued, expires, reason };
}

function readRootName(value: JsonObject[string] | undefined, at: string): RootName {
  const name = readObject(value, at);
  if (Object.keys(name).length !== 2) throw malformed(at, 'not version and sha256 alone');
  const sha256 = readString(name['sha256'], `${at}.sha256`);
  if (!isSha256Hex(sha256)) throw malformed(`${at}.sha256`, 'not 64 lower-case hex digits');
  return { version: readInteger(name['version'], `${at}.version`, 1), sha256 };
}
