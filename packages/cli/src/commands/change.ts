/** `vidimus change list|show|sign|reject`: what waits for signatures, and the signatures. */
import type { ClientKey } from '@vidimus/key-store';
import { printable } from '@vidimus/reference';
import type { Change, PublishClient } from '@vidimus/trust-client';
import { changeFacts, mayStillSign, missingOf } from '../change/change-facts.ts';
import { type CheckedChange, checkChange } from '../change/check-change.ts';
import { findChange, listOpenChanges } from '../change/find-change.ts';
import { waitForChange } from '../change/wait-for-change.ts';
import { CliError } from '../cli-error.ts';
import { durationToMs } from '../config/client-config.ts';
import type { Context } from '../context.ts';
import { type ExitCode, exitCodes } from '../exit-codes.ts';
import { toCliError } from '../failures.ts';
import { formatFacts } from '../output/table.ts';
import { formatTimeAndDistance, withDistances } from '../output/times.ts';
import { anchorWords } from '../publish/anchors.ts';
import { type Completion, completeCreation, pinCreated } from '../publish/complete-creation.ts';
import { type Fact, formatVersions, printAnswer } from '../publish/outcome-lines.ts';
import { openKeys } from '../publish/own-keys.ts';
import { canAsk, confirm } from '../publish/person.ts';
import { pendingAnswer, withPublisher } from '../publish/with-publisher.ts';

export interface SignChangeOptions {
  readonly yes?: boolean;
  /** A duration such as `10m`. */
  readonly wait?: string;
}

const maxWaitMs = 24 * 3_600_000;

/** Open changes of a repository, or of all that are pinned here. */
export async function list(context: Context, repository: string | undefined): Promise<ExitCode> {
  const changes = await listOpenChanges(context, repository);
  if (context.options.json === true) context.json({ changes });
  else if (changes.length === 0) context.terminal.out('no open changes');
  else {
    const now = context.world.now();
    const rows = changes.map((change) => [
      printable(change.id),
      printable(change.repository),
      printable(change.kind),
      `${missingOf(change)} missing`,
      formatTimeAndDistance(Date.parse(change.expiresAt), now),
      printable(change.summary),
    ]);
    context.terminal.table([['CHANGE', 'REPOSITORY', 'KIND', 'SIGNATURES', 'UNTIL', 'WHAT'], ...rows]);
  }
  return exitCodes.done;
}

/** One change, and whether its documents are what its edit makes. */
export async function show(context: Context, id: string, repository: string | undefined): Promise<ExitCode> {
  const change = await findChange(context, id, repository);
  const refused = change.state === 'open' ? await whyNotSignable(context, change) : undefined;
  if (context.options.json === true) {
    const recomputed = change.state !== 'open' ? {} : { recomputed: refused === undefined };
    context.json({ change, ...recomputed, ...(refused === undefined ? {} : { refused: refused.message }) });
    return exitCodes.done;
  }
  const { terminal, world } = context;
  const verdict = change.state.toUpperCase();
  terminal.out(`${terminal.colors.bold(verdict)}  ${printable(change.repository)}`);
  const next: readonly Fact[] =
    change.state !== 'open'
      ? []
      : refused === undefined
        ? [
            ['checked', 'recomputed here from the edit: equal, byte for byte'],
            ['next', `vidimus change sign ${change.id} ${change.repository}`],
          ]
        : [['checked', `NOT what can be signed here: ${printable(refused.message)}`]];
  for (const line of formatFacts([...changeFacts(change), ...next])) {
    terminal.out(withDistances(line, world.now()));
  }
  return exitCodes.done;
}

/** Recomputes, shows, asks, signs; publishes itself when the last signature is there. */
export async function sign(
  context: Context,
  id: string,
  repository: string | undefined,
  options: SignChangeOptions,
): Promise<ExitCode> {
  const waitMs = toWaitMs(options.wait);
  const change = await findChange(context, id, repository);
  assertOpen(change);
  const checked = await checkChange(context, change);
  const held = await chooseKeys(context, change);
  // Signed before, and asked again only to wait.
  if (held.length > 0) await confirmChange(context, checked, options.yes === true);
  return await withPublisher(context, change.repository, async (publisher) => {
    const { request } = checked;
    const store = openKeys(context);
    const completion = await completeCreation(context, publisher, store, {
      repository: change.repository,
      request,
      change,
      held,
    });
    if (completion.state === 'published') return answerPublished(context, change, completion);
    return await answerOpen(context, publisher, checked, completion, waitMs);
  });
}

/** Ends a change; its version can be used again. */
export async function reject(
  context: Context,
  id: string,
  repository: string | undefined,
): Promise<ExitCode> {
  const change = await findChange(context, id, repository);
  assertOpen(change);
  return await withPublisher(context, change.repository, async (publisher) => {
    const rejected = (await publisher.rejectChange(change.repository, change.id)) ?? {
      ...change,
      state: 'rejected' as const,
    };
    return printAnswer(context, {
      deed: 'REJECTED',
      subject: change.repository,
      facts: [
        ['change', change.id],
        ['what', printable(change.summary)],
        ['effect', 'none: clients see what they saw before'],
      ],
      json: { change: rejected },
    });
  });
}

async function whyNotSignable(context: Context, change: Change): Promise<CliError | undefined> {
  try {
    await checkChange(context, change);
    return undefined;
  } catch (error) {
    const failure = toCliError(error);
    if (failure.exit === exitCodes.internal) throw error;
    return failure;
  }
}

function assertOpen({ id, state }: Change): void {
  if (state === 'open') return;
  throw new CliError('CHANGE_CLOSED', exitCodes.denied, `change ${printable(id)} is ${state}`);
}

/**
 * As many keys of this machine as signatures are missing; none when one here has signed already.
 * @throws CliError KEY_UNKNOWN when no key here may sign
 */
async function chooseKeys(context: Context, change: Change): Promise<readonly ClientKey[]> {
  const present = await openKeys(context).list();
  const may = new Set(mayStillSign(change));
  // A key is of one dialect, and so of one document.
  const able = change.documents.flatMap((document) => {
    const own = new Set(mayStillSign({ ...change, documents: [document] }));
    return present.filter(({ keyId }) => own.has(keyId)).slice(0, Math.max(1, document.missing));
  });
  if (able.length > 0) return [...new Set(able)];
  const signed = new Set(change.documents.flatMap(({ signatures }) => signatures.map(({ keyId }) => keyId)));
  if (present.some(({ keyId }) => signed.has(keyId))) return [];
  throw new CliError(
    'KEY_UNKNOWN',
    exitCodes.denied,
    'no key on this machine may sign this change',
    `keys that may: ${[...may].map((keyId) => keyId.slice(0, 12)).join(', ')}; keys here are in $VIDIMUS_KEYS`,
  );
}

/** Nobody signs what was not shown; without a terminal, `--yes` says that it was read before. */
async function confirmChange(context: Context, checked: CheckedChange, yes: boolean): Promise<void> {
  if (yes) return;
  const { change, request, isPinned } = checked;
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
  const told: readonly Fact[] = [
    ...changeFacts(change),
    ['edit', printable(JSON.stringify(request), 4_000)],
    ...(isPinned
      ? []
      : [['anchor', 'nothing is pinned here: compare the root keys with their owners'] as const]),
  ];
  for (const line of formatFacts(told)) terminal.note(withDistances(line, world.now()));
  await confirm(context, 'Sign it?');
}

async function answerOpen(
  context: Context,
  publisher: PublishClient,
  checked: CheckedChange,
  completion: Extract<Completion, { state: 'open' }>,
  waitMs: number,
): Promise<ExitCode> {
  const { repository } = checked.change;
  const waited = await waitForChange(context, publisher, completion.change, waitMs);
  if (waited.state === 'published') {
    const pinning = await pinCreated(context, repository, checked.documents);
    const summary = await publisher.summary(repository);
    return answerPublished(context, waited, { state: 'published', summary, pinning });
  }
  assertOpen(waited);
  const answer = pendingAnswer(repository, waited);
  return printAnswer(context, {
    ...answer,
    facts: [
      ...answer.facts,
      ['next', `vidimus change sign ${waited.id} ${repository}, where a missing key is`],
    ],
  });
}

function answerPublished(
  context: Context,
  change: Change,
  { summary, pinning }: Extract<Completion, { state: 'published' }>,
): ExitCode {
  const { repository } = change;
  const next = `vidimus sign ${repository}:TAG@sha256:DIGEST`;
  return printAnswer(context, {
    deed: 'PUBLISHED',
    subject: repository,
    facts: [
      ['change', change.id],
      ['what', printable(change.summary)],
      ['versions', formatVersions(summary.versions)],
      ['anchor', `pinned here: ${anchorWords(pinning.anchor)}`],
      ['next', next],
    ],
    json: { repository, change: change.id, versions: summary.versions, anchor: pinning.anchor, next },
  });
}

function toWaitMs(wait: string | undefined): number {
  if (wait === undefined) return 0;
  const ms = /^\d{1,9}[smhd]$/.test(wait) ? durationToMs(wait) : Number.NaN;
  if (ms <= maxWaitMs) return ms;
  throw new CliError(
    'USAGE',
    exitCodes.usage,
    `${printable(wait)} is no time to wait`,
    'for example --wait 10m',
  );
}
