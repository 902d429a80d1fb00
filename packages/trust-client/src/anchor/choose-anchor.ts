/** Which anchor counts: configuration, then a pin, then what a first use found, then first use if allowed. */
import type { Anchor, DialectName } from '@vidimus/tuf';
import { TrustClientError } from '../errors.ts';
import { type AnchorFile, assertPinnable, type PinnableAnchor } from './anchor-file.ts';

/** As `verify --json` names it. */
export type AnchorKind = 'root' | 'keys' | 'certificate' | 'ca' | 'firstUse';

/** What a person can pin besides a root file. */
const byKey: Readonly<Record<DialectName, string>> = {
  tuf: '--key-id ID --threshold 1',
  notary: '--cert-id ID',
};

export interface ChosenAnchor {
  readonly kind: AnchorKind;
  readonly anchor: Anchor;
}

export interface AnchorChoice {
  readonly repository: string;
  readonly dialect: DialectName;
  readonly configured: Anchor | undefined;
  readonly kept: AnchorFile | undefined;
  /** A person confirmed first use, on a terminal, for this repository. */
  readonly firstUseConfirmed: boolean;
}

/** The format to read where settings name none: that of the anchor that will count. */
export function dialectFor(
  { dialect, anchor }: { readonly dialect?: DialectName; readonly anchor?: Anchor },
  kept: AnchorFile | undefined,
): DialectName {
  if (dialect !== undefined) return dialect;
  const isConfigured = anchor !== undefined && anchor.kind !== 'firstUse';
  return isConfigured ? 'tuf' : (kept?.dialect ?? 'tuf');
}

/** @throws TrustClientError ANCHOR_MISSING with the line to run; ANCHOR_INVALID */
export function chooseAnchor(choice: AnchorChoice): ChosenAnchor {
  const { dialect, configured, kept } = choice;
  const named = configured !== undefined && configured.kind !== 'firstUse' ? configured : kept?.pinned;
  if (named === undefined || named === kept?.pinned) assertSameDialect(choice);
  if (named !== undefined) {
    assertPinnable(named, dialect);
    return { kind: anchorKindOf(named), anchor: named };
  }
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

/** Whoever changes the dialect of a repository says anew whom to trust there: nothing falls back to first use. */
function assertSameDialect({ repository, dialect, kept }: AnchorChoice): void {
  if (kept === undefined || kept.dialect === dialect) return;
  throw new TrustClientError(
    'ANCHOR_MISMATCH',
    `the anchor kept for ${repository} is one of the dialect ${kept.dialect}, not ${dialect}`,
    { detail: { repository }, hint: `vidimus anchor pin ${repository} --root FILE --dialect ${dialect}` },
  );
}
