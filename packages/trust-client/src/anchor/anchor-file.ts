/**
 * `anchor.json`: what was pinned for a repository, by a person or by a first use, and what came of it. The same
 * format, without what only this client knows, is the file `acme.anchor.json` that fleets carry.
 */
import { CryptoError, fromBase64, readCertificates, sha256Hex, toBase64 } from '@vidimus/crypto';
import { DIRECTORY_NAME, isRepositoryName } from '@vidimus/reference';
import {
  type DialectName,
  type OwnAnchor,
  parseFile,
  type RecoveryKeys,
  readHandover,
  readRecoveryKeys,
  writeRecoveryKeys,
} from '@vidimus/tuf';
import { TrustClientError } from '../errors.ts';
import {
  AnchorFileSchema,
  AuthoritySchema,
  CertificatesSchema,
  KeysSchema,
  type PlainFile,
} from './anchor-schema.ts';

/** Largest file, bytes. */
const MAX_ANCHOR_FILE_BYTES = 4 * 1024 * 1024;

/** What can be pinned: a root file, root keys, or, in the `notary` dialect, certificates or their authority. */
export type PinnableAnchor = Exclude<OwnAnchor, { kind: 'firstUse' }>;

/** At least one of `pinned`, `firstUse`, `directory` and `instead`; what a person pinned goes first. */
export interface AnchorFile {
  readonly repository: string;
  /** What the organisation is called whose directory this is. */
  readonly name?: string;
  /** Where it is served, where the file says that. */
  readonly server?: string;
  /** PEM certificates trusted for that server, and for those its directory names, beside the built-in ones. */
  readonly ca?: string;
  /** Whose hand-over replaces a lost root. */
  readonly recovery?: RecoveryKeys;
  /** Hand-overs to accept without asking: whoever gave the file vouches for them. */
  readonly handovers?: readonly Uint8Array[];
  /** An anchor is of one dialect: a root or key of the other says nothing. */
  readonly dialect: DialectName;
  readonly pinned?: PinnableAnchor;
  /** The root that a first use found, and that a refresh from it confirmed. */
  readonly firstUse?: Uint8Array;
  /** Where the chain began when the directory first named this repository, and whose recovery keys it named then. */
  readonly directory?: {
    readonly dialect: DialectName;
    readonly root: Uint8Array;
    readonly recovery?: RecoveryKeys;
  };
  /** An accepted hand-over in place of a configured anchor: of that one alone (SHA-256 of how it is written). */
  readonly instead?: { readonly of: string; readonly root: Uint8Array };
  /** Hand-overs accepted here, and the roots (SHA-256 of the file) left by them, for ever. */
  readonly accepted?: readonly { readonly id: string; readonly left: string }[];
}

/**
 * Reads the file. An unreadable one is an error and never "no anchor": it would turn a pin into first use.
 * @throws TrustClientError ANCHOR_INVALID
 */
export function parseAnchorFile(bytes: Uint8Array, repository: string): AnchorFile {
  try {
    const file = AnchorFileSchema.parse(parseFile(bytes, MAX_ANCHOR_FILE_BYTES));
    if (file.repository !== repository) throw new Error(`it belongs to ${file.repository}`);
    return toAnchorFile(file);
  } catch (cause) {
    throw new TrustClientError('ANCHOR_INVALID', `the anchor kept for ${repository} cannot be read`, {
      cause,
      hint: `pin it again: vidimus anchor pin ${repository} --root FILE`,
    });
  }
}

/**
 * The file that fleets carry, whosever it is: what was exported elsewhere, with an anchor in it.
 * @throws TrustClientError ANCHOR_INVALID
 */
export function parseCarriedAnchor(bytes: Uint8Array): AnchorFile & { readonly pinned: PinnableAnchor } {
  let why: unknown;
  try {
    const file = AnchorFileSchema.parse(parseFile(bytes, MAX_ANCHOR_FILE_BYTES));
    const isOwn = [file.firstUse, file.directory, file.instead, file.accepted].some(
      (one) => one !== undefined,
    );
    const { pinned, ...rest } = toAnchorFile(file);
    if (!isOwn && pinned !== undefined && isRepositoryName(file.repository)) return { ...rest, pinned };
  } catch (error) {
    why = error;
  }
  throw new TrustClientError('ANCHOR_INVALID', 'this is no anchor file', {
    ...(why === undefined ? {} : { cause: why }),
    hint: 'where it is pinned: vidimus anchor export [REPO|--directory] > acme.anchor.json',
  });
}

/** The file's bytes, ending in a line feed. */
export function formatAnchorFile(file: AnchorFile): Uint8Array {
  const { repository, dialect, name, server, ca, pinned, recovery, handovers, firstUse, directory, instead } =
    file;
  const plain: PlainFile = {
    version: 1,
    kind: repository === DIRECTORY_NAME ? 'directory' : 'repository',
    ...(name && { name }),
    repository,
    dialect,
    ...(server && { server }),
    ...(ca && { ca }),
    ...(pinned && { anchor: fromAnchor(pinned) }),
    ...(recovery && { recovery: writeRecoveryKeys(recovery) }),
    ...(handovers && { handovers: handovers.map(toBase64) }),
    ...(firstUse && { firstUse: { root: toBase64(firstUse) } }),
    ...(directory && {
      directory: {
        dialect: directory.dialect,
        root: toBase64(directory.root),
        ...(directory.recovery && { recovery: writeRecoveryKeys(directory.recovery) }),
      },
    }),
    ...(instead && { instead: { of: instead.of, root: toBase64(instead.root) } }),
    ...(file.accepted && { accepted: file.accepted.map(({ id, left }) => ({ id, left })) }),
  };
  return new TextEncoder().encode(`${JSON.stringify(plain, null, 2)}\n`);
}

/** @throws TrustClientError ANCHOR_INVALID for a set of keys that cannot mean what it says */
export function assertPinnable(anchor: PinnableAnchor, dialect: DialectName): void {
  if (anchor.kind === 'keyIds') assertKeys(anchor);
  else if (anchor.kind !== 'root') assertCertified(anchor, dialect);
}

function assertKeys(anchor: Extract<PinnableAnchor, { kind: 'keyIds' }>): void {
  const distinct = new Set(anchor.keyIds).size;
  const parsed = KeysSchema.safeParse({ keyIds: anchor.keyIds, threshold: anchor.threshold });
  if (!parsed.success || distinct !== anchor.keyIds.length || anchor.threshold > distinct) {
    throw new TrustClientError(
      'ANCHOR_INVALID',
      'an anchor by keys is 1 to 64 whole key ids, each once, and a threshold they can reach',
    );
  }
}

function assertCertified(
  anchor: Extract<PinnableAnchor, { kind: 'authority' | 'certificates' }>,
  dialect: DialectName,
): void {
  if (dialect !== 'notary') {
    throw new TrustClientError('ANCHOR_INVALID', 'only root keys of the dialect notary are certificates');
  }
  const isFit =
    anchor.kind === 'authority'
      ? AuthoritySchema.safeParse({ ca: anchor.caPem }).success && isAuthority(anchor.caPem)
      : CertificatesSchema.safeParse({ certIds: anchor.certIds }).success;
  if (isFit) return;
  throw new TrustClientError(
    'ANCHOR_INVALID',
    'an anchor by certificates is 1 to 64 whole key ids, or the PEM certificates of an authority',
  );
}

/** A leaf would vouch for nothing, and be noticed only when something is refused. */
function isAuthority(pem: string): boolean {
  try {
    return readCertificates(pem).every(({ isCa }) => isCa);
  } catch (error) {
    if (error instanceof CryptoError) return false;
    throw error;
  }
}

function toAnchorFile(file: PlainFile): AnchorFile {
  const { repository, dialect, name, server, ca, accepted } = file;
  const pinned = file.anchor && toAnchor(file.anchor);
  if (pinned) assertPinnable(pinned, dialect);
  const handovers = file.handovers?.map(fromBase64);
  for (const handover of handovers ?? []) readHandover(handover);
  return {
    repository,
    dialect,
    ...(name && { name }),
    ...(server && { server }),
    ...(ca && { ca }),
    ...(pinned && { pinned }),
    ...(file.recovery && { recovery: readRecoveryKeys(file.recovery) }),
    ...(handovers && { handovers }),
    ...(file.firstUse && { firstUse: fromBase64(file.firstUse.root) }),
    ...(file.directory && {
      directory: {
        dialect: file.directory.dialect,
        root: fromBase64(file.directory.root),
        ...(file.directory.recovery && { recovery: readRecoveryKeys(file.directory.recovery) }),
      },
    }),
    ...(file.instead && { instead: { of: file.instead.of, root: fromBase64(file.instead.root) } }),
    ...(accepted && { accepted }),
  };
}

/** What an anchor is remembered by: the SHA-256 of how it is written. */
export function anchorFingerprint(anchor: PinnableAnchor): string {
  return sha256Hex(new TextEncoder().encode(JSON.stringify(fromAnchor(anchor))));
}

function toAnchor(plain: NonNullable<PlainFile['anchor']>): PinnableAnchor {
  if ('root' in plain) return { kind: 'root', bytes: fromBase64(plain.root) };
  if ('certIds' in plain) return { kind: 'certificates', certIds: plain.certIds };
  if ('ca' in plain) return { kind: 'authority', caPem: plain.ca };
  return { kind: 'keyIds', keyIds: plain.keyIds, threshold: plain.threshold };
}

function fromAnchor(anchor: PinnableAnchor): NonNullable<PlainFile['anchor']> {
  if (anchor.kind === 'root') return { root: toBase64(anchor.bytes) };
  if (anchor.kind === 'certificates') return { certIds: [...anchor.certIds] };
  if (anchor.kind === 'authority') return { ca: anchor.caPem };
  return { keyIds: [...anchor.keyIds], threshold: anchor.threshold };
}
