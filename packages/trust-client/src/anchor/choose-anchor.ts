/** Which anchor counts: configuration, then a pin, then what a first use found, then first use if allowed. */
import type { Anchor } from '@vidimus/tuf';
import { TrustClientError } from '../errors.ts';
import { type AnchorFile, assertPinnable } from './anchor-file.ts';

/** As `verify --json` names it. */
export type AnchorKind = 'root' | 'keys' | 'firstUse';

export interface ChosenAnchor {
  readonly kind: AnchorKind;
  readonly anchor: Anchor;
}

export interface AnchorChoice {
  readonly repository: string;
  readonly configured: Anchor | undefined;
  readonly kept: AnchorFile | undefined;
  /** A person confirmed first use, on a terminal, for this repository. */
  readonly firstUseConfirmed: boolean;
}

/** @throws TrustClientError ANCHOR_MISSING with the line to run; ANCHOR_INVALID */
export function chooseAnchor(choice: AnchorChoice): ChosenAnchor {
  const { configured, kept } = choice;
  const named = configured !== undefined && configured.kind !== 'firstUse' ? configured : kept?.pinned;
  if (named !== undefined) {
    assertPinnable(named);
    return { kind: named.kind === 'root' ? 'root' : 'keys', anchor: named };
  }
  // Once taken it stays: asking the server again would be first use at every turn.
  if (kept?.firstUse !== undefined)
    return { kind: 'firstUse', anchor: { kind: 'root', bytes: kept.firstUse } };
  if (configured?.kind === 'firstUse' || choice.firstUseConfirmed) {
    return { kind: 'firstUse', anchor: { kind: 'firstUse' } };
  }
  throw new TrustClientError('ANCHOR_MISSING', `nothing says which root of ${choice.repository} to trust`, {
    detail: { repository: choice.repository },
    hint: `vidimus anchor pin ${choice.repository} --key-id ID --threshold 1    (or --root FILE)`,
  });
}
