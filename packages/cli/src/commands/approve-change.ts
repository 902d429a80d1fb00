/** `vidimus change approve`: where two people must agree, the second one looks first; only a signer may want a key. */
import { printable } from '@vidimus/reference';
import type { Change } from '@vidimus/trust-client';
import { signApprovals } from '../change/approver-key.ts';
import { changeFacts } from '../change/change-facts.ts';
import { type CheckedChange, checkChange } from '../change/check-change.ts';
import { checkedFacts } from '../change/complete-change.ts';
import { findChange } from '../change/find-change.ts';
import { CliError } from '../cli-error.ts';
import type { Context } from '../context.ts';
import { type ExitCode, exitCodes } from '../exit-codes.ts';
import { formatFacts } from '../output/table.ts';
import { withDistances } from '../output/times.ts';
import { formatVersions, printAnswer } from '../publish/outcome-lines.ts';
import { canAsk, confirm } from '../publish/person.ts';
import { pendingAnswer, withPublisher } from '../publish/with-publisher.ts';

export interface ApproveOptions {
  /** It was read before. */
  readonly yes?: boolean;
  /** Of an approver whom a signer of its own knows: an id, a file or a `pkcs11:` URI. */
  readonly key?: string;
}

export async function approve(
  context: Context,
  id: string,
  repository: string | undefined,
  { yes = false, key }: ApproveOptions,
): Promise<ExitCode> {
  const change = await findChange(context, id, repository);
  assertWaits(change);
  // The documents must be what the edit makes; the end of a repository has none.
  const checked = change.documents.length === 0 ? undefined : await checkChange(context, change);
  if (!yes) await showAndAsk(context, change, checked);
  const signatures = key === undefined ? [] : await signApprovals(context, assertDocuments(checked), key);
  return await withPublisher(context, change.repository, async (publisher) => {
    const approved = await publisher.approveChange(change.repository, change.id, signatures);
    if (approved.state !== 'published')
      return printAnswer(context, pendingAnswer(change.repository, approved));
    const versions = formatVersions(approved.published ?? {});
    return printAnswer(context, {
      deed: 'PUBLISHED',
      subject: change.repository,
      facts: [
        ['change', approved.id],
        ['what', printable(approved.summary)],
        ['for', printable(approved.createdBy)],
        ...(versions === '' ? [] : [['versions', versions] as const]),
      ],
      json: { change: approved },
    });
  });
}

/** Only what was made again here is signed. */
function assertDocuments(checked: CheckedChange | undefined): CheckedChange {
  if (checked !== undefined) return checked;
  throw new CliError(
    'USAGE',
    exitCodes.usage,
    'the change has no document to sign',
    'approve it without --key',
  );
}

function assertWaits({ id, state, approvals }: Change): void {
  if (state !== 'open') {
    throw new CliError('CHANGE_CLOSED', exitCodes.denied, `change ${printable(id)} is ${state}`);
  }
  if ((approvals?.missing ?? 0) > 0) return;
  throw new CliError('USAGE', exitCodes.usage, `change ${printable(id)} waits for no approval`);
}

/** Nobody agrees to what was not shown; without a terminal, `--yes` says that it was read before. */
async function showAndAsk(
  context: Context,
  change: Change,
  checked: CheckedChange | undefined,
): Promise<void> {
  if (!canAsk(context)) {
    throw new CliError(
      'CONFIRMATION_NEEDED',
      exitCodes.usage,
      'a change is shown before it is approved, and there is nobody to show it to',
      `vidimus change show ${change.id} ${change.repository}, then approve it with --yes`,
    );
  }
  const facts = checked === undefined ? changeFacts(change) : await checkedFacts(context, checked);
  for (const line of formatFacts(facts)) {
    context.terminal.note(withDistances(line, context.world.now()));
  }
  await confirm(context, 'Approve it?');
}
