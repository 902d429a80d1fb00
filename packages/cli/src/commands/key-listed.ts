/** `vidimus key rotate|impact|revoke`: keys that repositories list. */
import { parseRepository, printable } from '@vidimus/reference';
import {
  createPublishClient,
  type KeyRevoked,
  type PublishClient,
  type RevokeKeyRequest,
  type Rotated,
  trustPath,
} from '@vidimus/trust-client';
import { CliError } from '../cli-error.ts';
import { serverSettings } from '../client/server-settings.ts';
import type { Context } from '../context.ts';
import { type ExitCode, exitCodes } from '../exit-codes.ts';
import { findKeyId } from '../keys/find-key-id.ts';
import { fleetLines, keyLine, repositoryLines } from '../keys/impact-lines.ts';
import { readKeyEntry } from '../keys/listed-key.ts';
import { followJob, jobAnswer } from '../keys/revocation-job.ts';
import { shorten } from '../output/table.ts';
import { type Fact, formatVersions, printAnswer } from '../publish/outcome-lines.ts';
import { askedCall, type Carried, carryOwnEdit, waitingAnswer } from '../publish/own-edit.ts';
import { withPublisher } from '../publish/with-publisher.ts';

export interface RotateOptions {
  readonly to?: readonly string[];
  readonly threshold?: number;
  readonly expiresAfter?: string;
  readonly reason?: string;
  readonly key?: readonly string[];
}

/** Other keys for a role; without `--to` another threshold or lifetime, or, of a managed role, a new managed key. */
export async function rotate(
  context: Context,
  name: string,
  role: string,
  options: RotateOptions,
): Promise<ExitCode> {
  const { name: repository } = parseRepository(name);
  const { to, threshold, expiresAfter, reason, key: keys } = options;
  const terms = {
    ...(threshold === undefined ? {} : { threshold }),
    ...(expiresAfter === undefined ? {} : { expiresAfter }),
  };
  return await withPublisher(context, repository, async (publisher) => {
    if (to === undefined && Object.keys(terms).length > 0) {
      const outcome = await publisher.changeRole(repository, role, terms);
      const asked = askedCall('PATCH', trustPath(repository, 'roles', role), terms);
      const carried = await carryOwnEdit(context, publisher, { outcome, asked, keys });
      return answerRotated(context, repository, role, carried);
    }
    const entries = [];
    for (const each of to ?? (await usualKeys(publisher, repository, role))) {
      entries.push(await readKeyEntry(context, each));
    }
    const request = { to: entries, ...terms, ...(reason === undefined ? {} : { reason }) };
    const outcome = await publisher.rotateRole(repository, role, request);
    const asked = askedCall('POST', trustPath(repository, 'roles', role, 'rotations'), request);
    const carried = await carryOwnEdit(context, publisher, { outcome, asked, keys });
    return answerRotated(context, repository, role, carried);
  });
}

/** Nothing that people hold becomes the service's because somebody forgot to say whose it shall be. */
async function usualKeys(
  publisher: PublishClient,
  repository: string,
  role: string,
): Promise<readonly string[]> {
  const { custody, keyIds } = await publisher.role(repository, role);
  if (custody === 'managed') return keyIds.map(() => 'managed').slice(0, 1);
  throw new CliError(
    'USAGE',
    exitCodes.usage,
    `clients hold keys of ${printable(role)}: say which keys it shall have`,
    `vidimus key rotate ${repository} ${role} --to FILE...   (or --to managed)`,
  );
}

function answerRotated(
  context: Context,
  repository: string,
  role: string,
  carried: Carried<Rotated>,
): ExitCode {
  const subject = `${role} of ${repository}`;
  if (carried.state === 'pending') return printAnswer(context, waitingAnswer(subject, carried));
  const versions = carried.state === 'done' ? carried.body.published : carried.versions;
  const after = carried.state === 'done' ? carried.body.role : undefined;
  const isSame = Object.keys(versions).length === 0;
  const next = `vidimus inspect ${repository}`;
  return printAnswer(context, {
    deed: isSame ? 'EXISTS' : 'ROTATED',
    subject,
    facts: [
      ...(carried.state === 'done' ? [] : [['change', carried.change.id] as const]),
      ...(after === undefined
        ? []
        : [
            [
              'keys',
              `${after.threshold} of ${after.keyIds.length}: ${after.keyIds.map(shorten).join(', ')}, ${after.custody} custody`,
            ] as const,
          ]),
      isSame
        ? ['state', 'as it was asked for already; nothing was changed']
        : ['versions', formatVersions(versions)],
      ['next', next],
    ],
    json: {
      repository,
      role,
      published: versions,
      ...(carried.state === 'done' ? {} : { change: carried.change.id }),
      ...(after === undefined ? {} : { keys: after }),
      next,
    },
  });
}

export interface ImpactOptions {
  readonly replaceWith?: string;
  readonly threshold?: number;
}

/** What would break; nothing is changed. */
export async function impact(
  context: Context,
  id: string,
  repository: string | undefined,
  options: ImpactOptions,
): Promise<ExitCode> {
  const keyId = await findKeyId(context, id, repository);
  const replacement =
    options.replaceWith === undefined ? undefined : await readKeyEntry(context, options.replaceWith);
  const wish = {
    ...(replacement === undefined ? {} : { replacement }),
    ...(options.threshold === undefined ? {} : { threshold: options.threshold }),
  };
  const now = context.world.now();
  if (repository !== undefined) {
    const { name } = parseRepository(repository);
    return await withPublisher(context, name, async (publisher) => {
      const key = await publisher.key(name, keyId);
      const found = await publisher.keyImpact(name, keyId, wish);
      const lines = [`If revoked now, in ${name}:`, '', ...repositoryLines(found, now)];
      return printImpact(context, found, [keyLine(key), ...lines], keyId, `${name} `, options);
    });
  }
  return await withFleet(context, async (publisher) => {
    const key = await publisher.fleetKey(keyId);
    const found = await publisher.fleetKeyImpact(keyId, wish);
    const { total } = found.repositories;
    const lines = [
      `If revoked now, in ${total} ${total === 1 ? 'repository' : 'repositories'}:`,
      '',
      ...fleetLines(found, now),
    ];
    return printImpact(context, found, [keyLine(key), ...lines], keyId, '', options);
  });
}

function printImpact(
  context: Context,
  found: object,
  lines: readonly string[],
  keyId: string,
  where: string,
  { replaceWith }: ImpactOptions,
): ExitCode {
  if (context.options.json === true) {
    context.json(found);
    return exitCodes.done;
  }
  for (const line of lines) context.terminal.out(line);
  const instead = `--replace-with ${replaceWith ?? 'FILE'} `;
  context.terminal.out('');
  context.terminal.out(`Do it    vidimus key revoke ${shorten(keyId)} ${where}${instead}--reason TEXT`);
  context.terminal.out('Nothing has been changed.');
  return exitCodes.done;
}

export interface RevokeKeyOptions extends ImpactOptions {
  readonly reason?: string;
  readonly compromisedSince?: string;
  readonly force?: boolean;
  readonly expectBreak?: number;
  readonly key?: readonly string[];
}

/** Asks nothing: a stolen key does not wait. In one repository, or as a job in all of them. */
export async function revoke(
  context: Context,
  id: string,
  repository: string | undefined,
  options: RevokeKeyOptions,
): Promise<ExitCode> {
  const request = await toRequest(context, id, options);
  const keyId = await findKeyId(context, id, repository);
  if (repository === undefined) {
    return await withFleet(context, async (publisher) => {
      const started = await publisher.revokeKeyEverywhere(keyId, request);
      return printAnswer(context, jobAnswer(keyId, await followJob(context, publisher, started)));
    });
  }
  const { name } = parseRepository(repository);
  return await withPublisher(context, name, async (publisher) => {
    const outcome = await publisher.revokeKey(name, keyId, request);
    // What the caller expected is judged at once, and is no part of the edit.
    const { expect: _, ...edit } = request;
    const asked = askedCall('POST', trustPath(name, 'keys', keyId, 'revocation'), edit);
    const carried = await carryOwnEdit(context, publisher, { outcome, asked, keys: options.key });
    return answerRevoked(context, name, keyId, carried);
  });
}

async function toRequest(
  context: Context,
  id: string,
  { reason, compromisedSince, replaceWith, threshold, force, expectBreak }: RevokeKeyOptions,
): Promise<RevokeKeyRequest> {
  if (reason === undefined || reason.trim() === '') {
    throw new CliError(
      'USAGE',
      exitCodes.usage,
      'whoever reads the audit will want to know why',
      `vidimus key revoke ${printable(id)} --reason TEXT`,
    );
  }
  const replacement = replaceWith === undefined ? undefined : await readKeyEntry(context, replaceWith);
  return {
    reason,
    ...(compromisedSince === undefined ? {} : { compromisedSince: toTime(compromisedSince) }),
    ...(replacement === undefined ? {} : { replacement }),
    ...(threshold === undefined ? {} : { threshold }),
    ...(force === true ? { force } : {}),
    ...(expectBreak === undefined ? {} : { expect: { break: expectBreak } }),
  };
}

/** A day, or a moment of it, in UTC. */
function toTime(text: string): string {
  const ms = /^\d{4}-\d\d-\d\d/.test(text)
    ? Date.parse(text.length === 10 ? `${text}T00:00:00Z` : text)
    : Number.NaN;
  if (!Number.isNaN(ms)) return new Date(ms).toISOString().replace(/\.\d{3}Z$/, 'Z');
  throw new CliError(
    'USAGE',
    exitCodes.usage,
    `${printable(text)} is no time`,
    'for example --compromised-since 2026-11-20',
  );
}

function answerRevoked(
  context: Context,
  repository: string,
  keyId: string,
  carried: Carried<KeyRevoked>,
): ExitCode {
  const subject = `key ${shorten(keyId)} in ${repository}`;
  if (carried.state === 'pending') return printAnswer(context, waitingAnswer(subject, carried));
  const next = `vidimus inspect ${repository}`;
  if (carried.state === 'published') {
    const { change, versions } = carried;
    return printAnswer(context, {
      deed: 'REVOKED',
      subject,
      facts: [
        ['change', change.id],
        ['versions', formatVersions(versions)],
        ['next', next],
      ],
      json: { repository, key: keyId, change: change.id, published: versions, next },
    });
  }
  const { body } = carried;
  const waiting: readonly Fact[] =
    body.openChange === undefined
      ? []
      : [
          ['waits', `for others to sign what it signed: change ${printable(body.openChange)}`],
          ['', `vidimus change sign ${printable(body.openChange)} ${repository}`],
        ];
  const exit = printAnswer(context, {
    deed: 'REVOKED',
    subject,
    facts: [
      [
        'roles',
        body.roles
          .map(({ role, keysLeft, threshold }) => `${printable(role)} ${threshold} of ${keysLeft}`)
          .join(', '),
      ],
      ...(body.tagsOnlyByThisKey.length === 0
        ? []
        : [
            [
              'refused',
              `until others sign: ${body.tagsOnlyByThisKey
                .slice(0, 20)
                .map((tag) => printable(tag))
                .join(', ')}`,
            ] as const,
          ]),
      ['versions', formatVersions(body.published)],
      ...waiting,
      ['next', next],
    ],
    json: { repository, ...body, next },
  });
  return body.openChange === undefined ? exit : exitCodes.pending;
}

/** Calls about all repositories of the server. */
async function withFleet<Result>(
  context: Context,
  work: (publisher: PublishClient) => Promise<Result>,
): Promise<Result> {
  const publisher = createPublishClient(serverSettings(context));
  try {
    return await work(publisher);
  } finally {
    publisher.close();
  }
}
