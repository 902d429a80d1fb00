/** The REST API for the length of one command, its refusals with what to do about them. */
import { printable } from '@vidimus/reference';
import type { Change, PublishClient } from '@vidimus/trust-client';
import { CliError } from '../cli-error.ts';
import { openPublisher } from '../client/open-client.ts';
import { repositorySettings } from '../client/repository-settings.ts';
import type { Context } from '../context.ts';
import { toCliError } from '../failures.ts';
import type { Answer, Fact } from './outcome-lines.ts';

/**
 * Runs `work` with the repository's publish client.
 * @param hints what to do about a refusal, by its code, where the command knows better
 * @throws CliError with a hint that fits the refusal
 */
export async function withPublisher<Result>(
  context: Context,
  repository: string,
  work: (publisher: PublishClient) => Promise<Result>,
  hints: Readonly<Record<string, string>> = {},
): Promise<Result> {
  const publisher = openPublisher(context, repository);
  try {
    return await work(publisher);
  } catch (error) {
    const failure = toCliError(error);
    const own = Object.hasOwn(hints, failure.code) ? hints[failure.code] : undefined;
    const hint = own ?? hintFor(context, repository, publisher.server, failure) ?? failure.hint;
    throw new CliError(failure.code, failure.exit, failure.message, hint, { cause: failure.cause });
  } finally {
    publisher.close();
  }
}

/** The work's result, or undefined where the server refused it with one of these codes. */
export async function unlessRefused<Result>(
  codes: readonly string[],
  work: Promise<Result>,
): Promise<Result | undefined> {
  try {
    return await work;
  } catch (error) {
    if (codes.includes(toCliError(error).code)) return undefined;
    throw error;
  }
}

/** An edit that waits for signatures. */
export function pendingAnswer(subject: string, change: Change): Answer {
  const missing = change.documents
    .map(({ dialect, role, missing: count }) => {
      const where = dialect === 'tuf' ? '' : ` of the dialect ${printable(dialect)}`;
      return `${count} for ${printable(role)}${where}`;
    })
    .join(', ');
  const approvals = change.approvals?.missing ?? 0;
  const lacking: readonly Fact[] = [
    ...(missing === '' ? [] : [['missing', `signatures: ${missing}`] as const]),
    ...(approvals === 0 ? [] : [['missing', `approvals by others than its author: ${approvals}`] as const]),
  ];
  return {
    deed: 'PENDING',
    subject,
    facts: [
      ['change', `${change.id}, until ${change.expiresAt}`],
      ...lacking,
      ['effect', 'none yet: clients see what they saw before'],
    ],
    json: { change },
  };
}

function hintFor(
  context: Context,
  repository: string,
  server: string,
  failure: CliError,
): string | undefined {
  const detail = detailOf(failure.cause);
  switch (failure.code) {
    case 'UNAUTHORIZED': {
      const wasSent = repositorySettings(context, repository).token !== undefined;
      return wasSent
        ? `the token sent to ${server} is unknown, expired or revoked there: check VIDIMUS_TOKEN or --token-file`
        : `no token was sent: set VIDIMUS_TOKEN or --token-file FILE, and name its server, VIDIMUS_SERVER=${server}`;
    }
    case 'DENIED':
      return `the token sent to ${server} may not do this in ${repository}`;
    case 'REPOSITORY_UNKNOWN':
      return `vidimus init ${repository}`;
    case 'CHANGE_CONFLICT': {
      const change = detail['change'];
      if (change === undefined) return undefined;
      return `complete it: vidimus change sign ${change} ${repository}, or end it: vidimus change reject ${change} ${repository}`;
    }
    default:
      return detail['fix'] ?? detail['hint'];
  }
}

function detailOf(cause: unknown): Readonly<Record<string, string | undefined>> {
  if (!(cause instanceof Error) || !('detail' in cause)) return {};
  const { detail } = cause;
  if (typeof detail !== 'object' || detail === null) return {};
  return Object.fromEntries(Object.entries(detail).filter(([, value]) => typeof value === 'string'));
}
