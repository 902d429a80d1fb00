/** Pins as this machine keeps them: replaced knowingly, described in words. */
import { sha256Hex } from '@vidimus/crypto';
import {
  type CarriedFacts,
  type ClientCache,
  exportAnchor,
  type PinnableAnchor,
  type PinnedAnchor,
  parseAnchorFile,
  pinAnchor,
  TrustClientError,
} from '@vidimus/trust-client';
import type { DialectName } from '@vidimus/tuf';
import { findEntry } from '../config/resolve-config.ts';
import type { Context } from '../context.ts';
import { shorten } from '../output/table.ts';
import type { Fact } from './outcome-lines.ts';

export interface Pinning {
  readonly anchor: PinnedAnchor;
  /** What was pinned, or taken on first use, before, where it was something else. */
  readonly replaced?: string;
}

/** Pins, and says what that replaces. @throws TrustClientError ANCHOR_INVALID and what the cache adds */
export async function replaceAnchor(
  cache: ClientCache,
  repository: string,
  wanted: PinnableAnchor,
  dialect: DialectName = 'tuf',
  carried: CarriedFacts = {},
): Promise<Pinning> {
  const before = await keptAnchor(cache, repository);
  const anchor = await pinAnchor(cache, repository, wanted, dialect, carried);
  const after = await keptAnchor(cache, repository);
  if (before === undefined || before.text === after?.text) return { anchor };
  return { anchor, replaced: before.words };
}

/** The anchor in force for a repository; undefined: none is kept. */
export async function keptAnchor(
  cache: ClientCache,
  repository: string,
): Promise<{ readonly text: string; readonly words: string } | undefined> {
  try {
    const bytes = await exportAnchor(cache, repository);
    const { pinned, dialect } = parseAnchorFile(bytes, repository);
    const words = pinned === undefined ? '' : `${describe(pinned)}${dialectWords(dialect)}`;
    return { text: Buffer.from(bytes).toString('utf8'), words };
  } catch (error) {
    if (!(error instanceof TrustClientError)) throw error;
    if (error.code === 'ANCHOR_MISSING') return undefined;
    // A broken file is mended by pinning again; it must not keep anybody from that.
    if (error.code === 'ANCHOR_INVALID') return { text: '', words: 'an anchor that could not be read' };
    throw error;
  }
}

/** `root v1 sha256:0f3a…` or `2 of 3 root keys: …`. */
export function anchorWords({ kind, keyIds, threshold, root }: PinnedAnchor): string {
  if (kind === 'directory' && root === undefined && threshold === 0) return 'root file';
  if (kind === 'ca') return authorityWords;
  if (kind === 'certificate') return certificateWords(keyIds);
  const keys = `${threshold} of ${keyIds.length} root keys: ${keyIds.map(shorten).join(', ')}`;
  if (root === undefined) return keys;
  const how = kind === 'firstUse' ? ', first use, not pinned' : '';
  return `root v${root.version} ${shorten(`sha256:${root.sha256}`)}, ${keys}${how}`;
}

/** What a person should hear about a pin beside what it is. */
export function pinningFacts(context: Context, repository: string, pinning: Pinning): readonly Fact[] {
  const found = findEntry(context.config(), repository);
  const configured = found?.entry.anchor;
  const { dialect } = pinning.anchor;
  return [
    ...(pinning.replaced === undefined ? [] : [['replaces', pinning.replaced] as const]),
    ...(found?.entry.dialect === undefined || found.entry.dialect === dialect
      ? []
      : [['but', `${found.file} has it read in the dialect ${found.entry.dialect}`] as const]),
    ...(found === undefined || configured === undefined || configured === 'firstUse'
      ? []
      : [['but', `${found.file} names another anchor for it, which goes first`] as const]),
  ];
}

function describe(anchor: PinnableAnchor): string {
  if (anchor.kind === 'root') return `root ${shorten(`sha256:${sha256Hex(anchor.bytes)}`)}`;
  if (anchor.kind === 'authority') return authorityWords;
  if (anchor.kind === 'certificates') return certificateWords(anchor.certIds);
  return `${anchor.threshold} of ${anchor.keyIds.length} root keys: ${anchor.keyIds.map(shorten).join(', ')}`;
}

const authorityWords = 'root certificates of the authority that was pinned';

function certificateWords(certIds: readonly string[]): string {
  return `root certificates: ${certIds.map(shorten).join(', ')}`;
}

function dialectWords(dialect: DialectName): string {
  return dialect === 'tuf' ? '' : ` (dialect ${dialect})`;
}
