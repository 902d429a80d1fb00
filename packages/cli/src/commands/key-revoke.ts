/** `vidimus key revoke`: out of every role that lists it, in one repository or in all. */
import { parseRepository, printable } from '@vidimus/reference';
import { type KeyRevoked, type RevokeKeyRequest, trustPath } from '@vidimus/trust-client';
import { CliError } from '../cli-error.ts';
import type { Context } from '../context.ts';
import { type ExitCode, exitCodes } from '../exit-codes.ts';
import { findKeyId } from '../keys/find-key-id.ts';
import { readKeyEntry } from '../keys/listed-key.ts';
import { followJob, jobAnswer } from '../keys/revocation-job.ts';
import { withFleet } from '../keys/with-fleet.ts';
import { shorten } from '../output/table.ts';
import { type Fact, formatVersions, printAnswer } from '../publish/outcome-lines.ts';
import { askedCall, type Carried, carryOwnEdit, waitingAnswer } from '../publish/own-edit.ts';
import { withPublisher } from '../publish/with-publisher.ts';
import type { ImpactOptions } from './key-impact.ts';

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
