/**
 * Which anchor counts. Where the organisation's directory names a repository, its keys; what is configured or was
 * once taken up must hold besides. Else configuration, then a pin, then what a first use found, then first use if
 * allowed; with a directory, neither of the last two.
 */
import type { Anchor, DialectName, DirectoryEntry, OwnAnchor } from '@vidimus/tuf';
import { TrustClientError } from '../errors.ts';
import { type AnchorFile, anchorFingerprint, assertPinnable, type PinnableAnchor } from './anchor-file.ts';

/** As `verify --json` names it. */
export type AnchorKind = 'root' | 'keys' | 'certificate' | 'ca' | 'directory' | 'firstUse';

/** What configuration says: an anchor, or that the directory and nothing else names it. */
export type ConfiguredAnchor = OwnAnchor | { readonly kind: 'directory' };

/** What a person can pin besides a root file. */
const byKey: Readonly<Record<DialectName, string>> = {
  tuf: '--key-id ID --threshold 1',
  notary: '--cert-id ID',
};

export interface ChosenAnchor {
  readonly kind: AnchorKind;
  readonly anchor: Anchor;
}

/** The directory's answer about one repository; `entry` is absent where it does not name it. */
export interface DirectoryAnswer {
  readonly entry: DirectoryEntry | undefined;
}

export interface AnchorChoice {
  readonly repository: string;
  readonly dialect: DialectName;
  readonly configured: ConfiguredAnchor | undefined;
  readonly kept: AnchorFile | undefined;
  /** Absent: no directory is pinned here. */
  readonly directory?: DirectoryAnswer | undefined;
  /** A person confirmed first use, on a terminal, for this repository. */
  readonly firstUseConfirmed: boolean;
}

/**
 * The format to read where settings name none: that of the anchor that will count. Of two that the directory names
 * the one this client took up, else `tuf`.
 */
export function dialectFor(
  { dialect, anchor }: { readonly dialect?: DialectName; readonly anchor?: ConfiguredAnchor },
  kept: AnchorFile | undefined,
  directory?: DirectoryAnswer,
): DialectName {
  if (dialect !== undefined) return dialect;
  const isConfigured = pinnableIn(anchor) !== undefined;
  const roots = directory?.entry?.roots;
  if (roots !== undefined && !isConfigured) {
    return kept?.directory?.dialect ?? (roots.tuf === undefined ? 'notary' : 'tuf');
  }
  return isConfigured ? 'tuf' : (kept?.dialect ?? 'tuf');
}

/** @throws TrustClientError ANCHOR_MISSING with the line to run; ANCHOR_MISMATCH, ANCHOR_INVALID */
export function chooseAnchor(choice: AnchorChoice): ChosenAnchor {
  const { dialect, configured, kept, directory } = choice;
  if (directory?.entry !== undefined) return namedByDirectory(choice, directory.entry);
  if (configured?.kind === 'directory') throw notNamed(choice);
  const own = ownAnchor(choice);
  if (own !== undefined) return own;
  if (directory !== undefined) throw notNamed(choice);
  // Once taken it stays: asking the server again would be first use at every turn.
  if (kept?.firstUse !== undefined)
    return { kind: 'firstUse', anchor: { kind: 'root', bytes: kept.firstUse } };
  if (configured?.kind === 'firstUse' || choice.firstUseConfirmed) {
    return { kind: 'firstUse', anchor: { kind: 'firstUse' } };
  }
  throw new TrustClientError('ANCHOR_MISSING', `nothing says which root of ${choice.repository} to trust`, {
    detail: { repository: choice.repository },
    hint: `vidimus anchor pin ${choice.repository} ${byKey[dialect]}    (or --root FILE)`,
  });
}

/** How `verify --json` calls an anchor that was pinned. */
export function anchorKindOf({ kind }: PinnableAnchor): AnchorKind {
  return ({ root: 'root', keyIds: 'keys', certificates: 'certificate', authority: 'ca' } as const)[kind];
}

/** What is configured, or pinned by a person. */
function ownAnchor(choice: AnchorChoice): (ChosenAnchor & { readonly anchor: PinnableAnchor }) | undefined {
  const { dialect, configured, kept } = choice;
  const configuredPin = pinnableIn(configured);
  const named = configuredPin ?? kept?.pinned;
  if (configuredPin === undefined) assertSameDialect(choice);
  if (named === undefined) return undefined;
  assertPinnable(named, dialect);
  // A person accepted a hand-over from this very anchor; another one in its place is judged by itself.
  const isLeft = kept?.instead !== undefined && kept.instead.of === anchorFingerprint(named);
  const anchor = isLeft && kept.instead ? ({ kind: 'root', bytes: kept.instead.root } as const) : named;
  return { kind: anchorKindOf(named), anchor };
}

/**
 * The directory's keys must have signed a root of the chain; where that chain begins stays what it was: what is
 * configured, else the root with which this client took the repository up. A pin of before the directory is nothing.
 */
function namedByDirectory(choice: AnchorChoice, entry: DirectoryEntry): ChosenAnchor {
  const { repository, dialect, configured, kept } = choice;
  const roleKeys = entry.roots[dialect];
  if (roleKeys === undefined) {
    throw new TrustClientError(
      'ANCHOR_MISMATCH',
      `the directory names no root keys of ${repository} in the dialect ${dialect}`,
      { detail: { repository, pattern: entry.pattern } },
    );
  }
  const isConfigured = pinnableIn(configured) !== undefined;
  const began = kept?.directory?.dialect === dialect ? kept.directory.root : undefined;
  const from = isConfigured ? ownAnchor(choice)?.anchor : began && ({ kind: 'root', bytes: began } as const);
  return { kind: 'directory', anchor: { kind: 'named', ...roleKeys, ...(from && { from }) } };
}

function pinnableIn(configured: ConfiguredAnchor | undefined): PinnableAnchor | undefined {
  if (configured === undefined || configured.kind === 'firstUse' || configured.kind === 'directory')
    return undefined;
  return configured;
}

function notNamed({ repository, directory }: AnchorChoice): TrustClientError {
  return directory === undefined
    ? new TrustClientError(
        'ANCHOR_MISSING',
        `the directory names the root of ${repository}, and none is pinned`,
        {
          detail: { repository },
          hint: 'vidimus anchor pin acme.anchor.json    (or in the configuration: directory: {anchor: FILE})',
        },
      )
    : new TrustClientError('ANCHOR_MISSING', `the directory does not name ${repository}`, {
        detail: { repository },
        hint: 'whoever keeps the directory adds an entry for it; first use is not allowed beside a directory',
      });
}

/** Whoever changes the dialect of a repository says anew whom to trust there: nothing falls back to first use. */
function assertSameDialect({ repository, dialect, kept }: AnchorChoice): void {
  const isBound = kept?.pinned !== undefined || kept?.firstUse !== undefined;
  if (!isBound || kept.dialect === dialect) return;
  throw new TrustClientError(
    'ANCHOR_MISMATCH',
    `the anchor kept for ${repository} is one of the dialect ${kept.dialect}, not ${dialect}`,
    { detail: { repository }, hint: `vidimus anchor pin ${repository} --root FILE --dialect ${dialect}` },
  );
}
