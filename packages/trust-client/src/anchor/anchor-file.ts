/** `anchor.json`: what was pinned for a repository, by a person or by a first use. */
import { CryptoError, fromBase64, readCertificates, toBase64 } from '@vidimus/crypto';
import type { Anchor, DialectName } from '@vidimus/tuf';
import { z } from 'zod';
import { TrustClientError } from '../errors.ts';

/** What can be pinned: a root file, root keys, or, in the `notary` dialect, certificates or their authority. */
export type PinnableAnchor = Exclude<Anchor, { kind: 'firstUse' }>;

/** A bundle of certificates, characters. */
const MAX_CA_LENGTH = 65_536;

const base64 = z.string().regex(/^[A-Za-z0-9+/]+={0,2}$/);
const keyId = z.string().regex(/^[0-9a-f]{64}$/);

const RootSchema = z.strictObject({ root: base64 });
const KeysSchema = z.strictObject({ keyIds: z.array(keyId).min(1).max(64), threshold: z.int().min(1) });

const CertificatesSchema = z.strictObject({ certIds: z.array(keyId).min(1).max(64) });
const AuthoritySchema = z.strictObject({ ca: z.string().min(1).max(MAX_CA_LENGTH) });

const AnchorFileSchema = z
  .strictObject({
    version: z.literal(1),
    repository: z.string(),
    dialect: z.enum(['tuf', 'notary']),
    anchor: z.union([RootSchema, KeysSchema, CertificatesSchema, AuthoritySchema]).optional(),
    firstUse: RootSchema.optional(),
  })
  .refine((file) => file.anchor !== undefined || file.firstUse !== undefined);

type PlainFile = z.infer<typeof AnchorFileSchema>;

/** At least one of the two; what a person pinned goes first. */
export interface AnchorFile {
  readonly repository: string;
  /** An anchor is of one dialect: a root or key of the other says nothing. */
  readonly dialect: DialectName;
  readonly pinned?: PinnableAnchor;
  /** The root that a first use found, and that a refresh from it confirmed. */
  readonly firstUse?: Uint8Array;
}

/**
 * Reads the file. An unreadable one is an error and never "no anchor": it would turn a pin into first use.
 * @throws TrustClientError ANCHOR_INVALID
 */
export function parseAnchorFile(bytes: Uint8Array, repository: string): AnchorFile {
  try {
    const file = AnchorFileSchema.parse(JSON.parse(Buffer.from(bytes).toString('utf8')));
    if (file.repository !== repository) throw new Error(`it belongs to ${file.repository}`);
    const pinned = file.anchor && toAnchor(file.anchor);
    if (pinned) assertPinnable(pinned, file.dialect);
    return {
      repository,
      dialect: file.dialect,
      ...(pinned && { pinned }),
      ...(file.firstUse && { firstUse: fromBase64(file.firstUse.root) }),
    };
  } catch (cause) {
    throw new TrustClientError('ANCHOR_INVALID', `the anchor kept for ${repository} cannot be read`, {
      cause,
      hint: `pin it again: vidimus anchor pin ${repository} --root FILE`,
    });
  }
}

/** The file's bytes, ending in a line feed. */
export function formatAnchorFile(file: AnchorFile): Uint8Array {
  const { repository, dialect, pinned, firstUse } = file;
  const plain: PlainFile = {
    version: 1,
    repository,
    dialect,
    ...(pinned && { anchor: fromAnchor(pinned) }),
    ...(firstUse && { firstUse: { root: toBase64(firstUse) } }),
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
