/** `vidimus change list|show|sign|reject`: what waits for signatures, and the signatures. */
import { printable } from '@vidimus/reference';
import type { Change, PublishClient } from '@vidimus/trust-client';
import { changeFacts } from '../change/change-facts.ts';
import { type CheckedChange, checkChange } from '../change/check-change.ts';
import { checkedFacts, signChange } from '../change/complete-change.ts';
import { findChange } from '../change/find-change.ts';
import { waitForChange } from '../change/wait-for-change.ts';
import { CliError } from '../cli-error.ts';
import { durationToMs } from '../config/client-config.ts';
import type { Context } from '../context.ts';
import { type ExitCode, exitCodes } from '../exit-codes.ts';
import { toCliError } from '../failures.ts';
import { formatFacts } from '../output/table.ts';
import { withDistances } from '../output/times.ts';
import { anchorWords } from '../publish/anchors.ts';
import { pinCreated, pinRequested } from '../publish/complete-creation.ts';
import { type Fact, formatVersions, printAnswer } from '../publish/outcome-lines.ts';
import { pendingAnswer, withPublisher } from '../publish/with-publisher.ts';

export interface SignChangeOptions {
  readonly yes?: boolean;
  /** A duration such as `10m`. */
  readonly wait?: string;
  /** Ids, files or `pkcs11:` URIs. */
  readonly key?: readonly string[];
}

const maxWaitMs = 24 * 3_600_000;

/** One change, and whether its documents are what its edit makes. */
export async function show(context: Context, id: string, repository: string | undefined): Promise<ExitCode> {
  const change = await findChange(context, id, repository);
  const judged = change.state === 'open' ? await judge(context, change) : undefined;
  const refused = judged !== undefined && 'refused' in judged ? judged.refused : undefined;
  const checked = judged !== undefined && 'checked' in judged ? judged.checked : undefined;
  if (context.options.json === true) {
    const recomputed = judged === undefined ? {} : { recomputed: checked !== undefined };
    const difference = checked?.difference === undefined ? {} : { difference: checked.difference };
    context.json({ change, ...recomputed, ...difference, ...(refused && { refused: refused.message }) });
    return exitCodes.done;
  }
  const { terminal, world } = context;
  const verdict = change.state.toUpperCase();
  terminal.out(`${terminal.colors.bold(verdict)}  ${printable(change.repository)}`);
  const facts: readonly Fact[] =
    checked === undefined
      ? [...changeFacts(change), ...refusalFacts(refused)]
      : [...(await checkedFacts(context, withoutRequest(checked))), ...nextFacts(change)];
  for (const line of formatFacts(facts)) terminal.out(withDistances(line, world.now()));
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
  const { yes = false, key: keys } = options;
  return await withPublisher(context, change.repository, async (publisher) => {
    const { checked, change: signed } = await signChange(context, publisher, change, { yes, keys });
    if (signed.state === 'open' && checked.request !== undefined) {
      await pinRequested(context, change.repository, checked.request);
    }
    const waited = signed.state === 'open' ? await waitForChange(context, publisher, signed, waitMs) : signed;
    if (waited.state === 'published') return await answerPublished(context, publisher, waited, checked);
    assertOpen(waited);
    const answer = pendingAnswer(change.repository, waited);
    return printAnswer(context, {
      ...answer,
      facts: [
        ...answer.facts,
        ['next', `vidimus change sign ${waited.id} ${change.repository}, where a missing key is`],
      ],
    });
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

type Judged = { readonly checked: CheckedChange } | { readonly refused: CliError };

async function judge(context: Context, change: Change): Promise<Judged> {
  try {
    return { checked: await checkChange(context, change) };
  } catch (error) {
    const refused = toCliError(error);
    if (refused.exit === exitCodes.internal) throw error;
    return { refused };
  }
}

/** What is shown of a creation is its edit only when it is to be signed. */
function withoutRequest({ request: _, ...checked }: CheckedChange): CheckedChange {
  return { ...checked, isPinned: true };
}

function nextFacts({ id, repository }: Change): readonly Fact[] {
  return [
    ['checked', 'recomputed here from the edit: equal, byte for byte'],
    ['next', `vidimus change sign ${id} ${repository}`],
  ];
}

function refusalFacts(refused: CliError | undefined): readonly Fact[] {
  if (refused === undefined) return [];
  return [['checked', `NOT what can be signed here: ${printable(refused.message)}`]];
}

function assertOpen({ id, state }: Change): void {
  if (state === 'open') return;
  throw new CliError('CHANGE_CLOSED', exitCodes.denied, `change ${printable(id)} is ${state}`);
}

async function answerPublished(
  context: Context,
  publisher: PublishClient,
  change: Change,
  { request, documents }: CheckedChange,
): Promise<ExitCode> {
  const { repository } = change;
  const common: readonly Fact[] = [
    ['change', change.id],
    ['what', printable(change.summary)],
  ];
  if (request === undefined) {
    const { published = {} } = change;
    const next = `vidimus inspect ${repository}`;
    return printAnswer(context, {
      deed: 'PUBLISHED',
      subject: repository,
      facts: [...common, ['versions', formatVersions(published)], ['next', next]],
      json: { repository, change: change.id, versions: published, next },
    });
  }
  const { anchor } = await pinCreated(context, repository, documents);
  const { versions } = await publisher.summary(repository);
  const next = `vidimus sign ${repository}:TAG@sha256:DIGEST`;
  return printAnswer(context, {
    deed: 'PUBLISHED',
    subject: repository,
    facts: [
      ...common,
      ['versions', formatVersions(versions)],
      ['anchor', `pinned here: ${anchorWords(anchor)}`],
      ['next', next],
    ],
    json: { repository, change: change.id, versions, anchor, next },
  });
}

export function toWaitMs(wait: string | undefined): number {
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
