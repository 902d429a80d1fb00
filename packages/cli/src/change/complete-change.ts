/** From a change that waits to one that is signed as far as this machine can: checked, shown, signed, handed in. */
import type { FileKeyStore } from '@vidimus/key-store';
import { printable } from '@vidimus/reference';
import { type Change, type PublishClient, TrustClientError } from '@vidimus/trust-client';
import { CliError } from '../cli-error.ts';
import type { Context } from '../context.ts';
import { exitCodes } from '../exit-codes.ts';
import { formatFacts } from '../output/table.ts';
import { withDistances } from '../output/times.ts';
import type { Fact } from '../publish/outcome-lines.ts';
import { openKeys } from '../publish/own-keys.ts';
import { canAsk, confirm } from '../publish/person.ts';
import { signAndSubmit } from '../publish/sign-and-submit.ts';
import { changeFacts } from './change-facts.ts';
import { type AskedCall, type CheckedChange, checkChange } from './check-change.ts';
import { chooseKeys } from './choose-keys.ts';
import { differenceFacts } from './difference-facts.ts';
import { keyNames } from './key-names.ts';
import { type UsableKey, withKeyRing } from './usable-keys.ts';

export interface Signing {
  /** The call that this very command made; its author need not be shown it again. */
  readonly asked?: AskedCall;
  /** It was read before. */
  readonly yes?: boolean;
  /** Of `--key`; absent: the key directory. */
  readonly keys?: readonly string[] | undefined;
}

export interface SignedChange {
  readonly checked: CheckedChange;
  /** As the server has it now. */
  readonly change: Change;
  readonly signedBy: readonly UsableKey[];
}

/**
 * Signs a change with what is at hand, once it was recomputed here and a person has seen it.
 * @throws CliError KEY_UNKNOWN, CONFIRMATION_NEEDED, CANCELLED; TrustClientError CHANGE_MISMATCH, SIGNED_ALREADY, …
 */
export async function signChange(
  context: Context,
  publisher: PublishClient,
  change: Change,
  signing: Signing,
): Promise<SignedChange> {
  const checked = await checkChange(context, change, signing.asked);
  const store = openKeys(context);
  return await withKeyRing(context, store, signing.keys, async (ring) => {
    const chosen = chooseKeys(checked, ring);
    if (chosen.length === 0) return { checked, change, signedBy: [] };
    if (signing.asked === undefined) await confirmChange(context, checked, signing.yes === true);
    const signed = await signWith(context, publisher, store, checked, chosen);
    return { checked, change: signed, signedBy: chosen };
  });
}

/** Signs one's own edit if a key is here for it; undefined: others have to, and nothing was checked. */
export async function signOwnEdit(
  context: Context,
  publisher: PublishClient,
  change: Change,
  signing: Signing & { readonly asked: AskedCall },
): Promise<SignedChange | undefined> {
  try {
    return await signChange(context, publisher, change, signing);
  } catch (error) {
    // Whoever named keys wants them used; without, the change simply waits for those who have some.
    const isNotOurs = error instanceof CliError && error.code === 'KEY_UNKNOWN';
    const hasNoAnchor = error instanceof TrustClientError && error.code === 'ANCHOR_MISSING';
    const isUnsigned =
      error instanceof CliError && ['CHANGE_UNSUPPORTED', 'ANCHOR_MISSING'].includes(error.code);
    if (signing.keys !== undefined || !(isNotOurs || hasNoAnchor || isUnsigned)) throw error;
    return undefined;
  }
}

async function signWith(
  context: Context,
  publisher: PublishClient,
  store: FileKeyStore,
  { change, documents }: CheckedChange,
  chosen: readonly UsableKey[],
): Promise<Change> {
  const keys = [];
  for (const { open } of chosen) keys.push(await open());
  return await signAndSubmit(context, publisher, store, { change, documents, keys });
}

/** What a person reads before signing. */
export async function checkedFacts(context: Context, checked: CheckedChange): Promise<readonly Fact[]> {
  const { change, request, difference, keys, isPinned } = checked;
  const named = difference && differenceFacts(difference, await keyNames(context, change, keys));
  const drops = difference?.some(({ anchored }) => anchored === true) === true;
  return [
    ...changeFacts(change, named),
    ...(request === undefined ? [] : [['edit', printable(JSON.stringify(request), 4_000)] as const]),
    ...(isPinned
      ? []
      : [['anchor', 'nothing is pinned here: compare the root keys with their owners'] as const]),
    ...(drops
      ? [['anchor', 'it takes away a root key that this machine trusts: ask its owner'] as const]
      : []),
  ];
}

/** Nobody signs what was not shown; without a terminal, `--yes` says that it was read before. */
async function confirmChange(context: Context, checked: CheckedChange, yes: boolean): Promise<void> {
  if (yes) return;
  const { change } = checked;
  if (!canAsk(context)) {
    throw new CliError(
      'CONFIRMATION_NEEDED',
      exitCodes.usage,
      'a change is shown before it is signed, and there is nobody to show it to',
      `vidimus change show ${change.id} ${change.repository}, then sign it with --yes`,
    );
  }
  const { terminal, world } = context;
  terminal.note(`change of ${change.repository}, recomputed here from the edit: equal, byte for byte`);
  for (const line of formatFacts(await checkedFacts(context, checked))) {
    terminal.note(withDistances(line, world.now()));
  }
  await confirm(context, 'Sign it?');
}
