/** `vidimus delegation add|remove|list`: parties that vouch for some of the tags. */
import { parseRepository, printable } from '@vidimus/reference';
import { type Delegated, type DelegationRequest, type KeyEntry, trustPath } from '@vidimus/trust-client';
import { CliError } from '../cli-error.ts';
import type { Context } from '../context.ts';
import { type ExitCode, exitCodes } from '../exit-codes.ts';
import { readKeyEntry } from '../keys/listed-key.ts';
import { shorten } from '../output/table.ts';
import { formatTimeAndDistance } from '../output/times.ts';
import { type Answer, type Fact, formatVersions, printAnswer } from '../publish/outcome-lines.ts';
import { askedCall, type Carried, carryOwnEdit, waitingAnswer } from '../publish/own-edit.ts';
import { withPublisher } from '../publish/with-publisher.ts';

export interface AddOptions {
  /** `alice=alice.pub,alice.crt`, `ci=managed`. */
  readonly signer?: readonly string[];
  readonly threshold?: number;
  readonly path?: readonly string[];
  readonly terminating?: boolean;
  readonly expiresAfter?: string;
  readonly key?: readonly string[];
}

const maxShownTags = 20;

/** Says all of a delegation anew: who signs, how many must, which tags. */
export async function add(
  context: Context,
  name: string,
  role: string,
  options: AddOptions,
): Promise<ExitCode> {
  const { name: repository } = parseRepository(name);
  const request = await toRequest(context, options);
  return await withPublisher(context, repository, async (publisher) => {
    const outcome = await publisher.putDelegation(repository, role, request);
    const asked = askedCall('PUT', trustPath(repository, 'delegations', role), request);
    const carried = await carryOwnEdit(context, publisher, { outcome, asked, keys: options.key });
    const who = request.signers.map((signer) => printable(signer.name)).join(', ');
    const told: readonly Fact[] = [
      ['signers', `${request.threshold} of ${who}`],
      ['tags', request.paths.map((path) => printable(path)).join(' ')],
    ];
    const next = `vidimus sign ${repository}:TAG@sha256:DIGEST --as ${role}`;
    return printAnswer(context, toAnswer('DELEGATED', repository, role, carried, told, next));
  });
}

/** What it lists is no longer vouched for, and what it delegated neither. */
export async function remove(
  context: Context,
  name: string,
  role: string,
  { key: keys }: Pick<AddOptions, 'key'>,
): Promise<ExitCode> {
  const { name: repository } = parseRepository(name);
  return await withPublisher(context, repository, async (publisher) => {
    const outcome = await publisher.removeDelegation(repository, role);
    const asked = askedCall('DELETE', trustPath(repository, 'delegations', role));
    const carried = await carryOwnEdit(context, publisher, { outcome, asked, keys });
    const next = `vidimus inspect ${repository}`;
    return printAnswer(context, toAnswer('REMOVED', repository, role, carried, [], next));
  });
}

/** In the order in which clients ask them. */
export async function list(context: Context, name: string): Promise<ExitCode> {
  const { name: repository } = parseRepository(name);
  const found = await withPublisher(context, repository, (publisher) => publisher.delegations(repository));
  if (context.options.json === true) {
    context.json({ repository, delegations: found });
    return exitCodes.done;
  }
  const now = context.world.now();
  const rows = found.map((each) => [
    printable(each.name),
    `${each.threshold} of ${each.signers.length}`,
    printable(each.paths.join(' ')) + (each.terminating ? ' (terminating)' : ''),
    String(each.tagCount),
    each.expires === undefined ? 'nothing signed yet' : formatTimeAndDistance(Date.parse(each.expires), now),
    each.keys.map(({ keyId, signer }) => `${printable(signer)} ${shorten(keyId)}`).join(', '),
  ]);
  if (rows.length === 0) context.terminal.out('no delegations');
  else context.terminal.table([['DELEGATION', 'NEED', 'TAGS', 'LISTED', 'ENDS', 'SIGNERS'], ...rows]);
  return exitCodes.done;
}

async function toRequest(context: Context, options: AddOptions): Promise<DelegationRequest> {
  const { signer = [], threshold = 1, path, terminating, expiresAfter } = options;
  if (signer.length === 0 || path === undefined) {
    throw new CliError(
      'USAGE',
      exitCodes.usage,
      'a delegation needs signers, and tags that they may list',
      "--signer alice=alice.pub --path '1.*'",
    );
  }
  const signers = [];
  for (const text of signer) signers.push(await toSigner(context, text));
  return {
    signers,
    threshold,
    paths: path,
    ...(terminating === true ? { terminating } : {}),
    ...(expiresAfter === undefined ? {} : { expiresAfter }),
  };
}

async function toSigner(
  context: Context,
  text: string,
): Promise<{ readonly name: string; readonly keys: readonly KeyEntry[] }> {
  const [, name, list] = /^([^=]+)=(.+)$/.exec(text) ?? [];
  if (name === undefined || list === undefined) {
    throw new CliError(
      'USAGE',
      exitCodes.usage,
      `${printable(text)} names no signer with keys`,
      '--signer alice=alice.pub, or --signer ci=managed',
    );
  }
  const keys: KeyEntry[] = [];
  for (const each of list.split(',')) keys.push(await readKeyEntry(context, each));
  return { name, keys };
}

function toAnswer(
  deed: 'DELEGATED' | 'REMOVED',
  repository: string,
  role: string,
  carried: Carried<Delegated>,
  told: readonly Fact[],
  next: string,
): Answer {
  const subject = `${role} of ${repository}`;
  if (carried.state === 'pending') return waitingAnswer(subject, carried, told);
  const published = carried.state === 'done' ? carried.body.published : carried.versions;
  const changed = carried.state === 'done' ? carried.body.changed : undefined;
  return {
    deed,
    subject,
    facts: [
      ...told,
      ...(carried.state === 'done' ? [] : [['change', carried.change.id] as const]),
      ...changedFacts(changed),
      ['versions', formatVersions(published)],
      ['next', next],
    ],
    json: {
      repository,
      role,
      published,
      ...(changed === undefined ? {} : { changed }),
      ...(carried.state === 'done' ? {} : { change: carried.change.id }),
      next,
    },
  };
}

function changedFacts(changed: Delegated['changed']): readonly Fact[] {
  if (changed === undefined) return [];
  const { keysAdded, keysRemoved, tagsNowBelowThreshold, tagsGone } = changed;
  const lines: readonly (readonly [string, readonly string[]])[] = [
    ['added', keysAdded.map(shorten)],
    ['removed', keysRemoved.map(shorten)],
    ['refused', tagsNowBelowThreshold],
    ['gone', tagsGone],
  ];
  return lines.flatMap(([name, values]): Fact[] => (values.length === 0 ? [] : [[name, shown(values)]]));
}

function shown(values: readonly string[]): string {
  const more = values.length > maxShownTags ? ` and ${values.length - maxShownTags} more` : '';
  return `${values
    .slice(0, maxShownTags)
    .map((value) => printable(value))
    .join(', ')}${more}`;
}
