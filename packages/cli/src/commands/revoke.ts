/** `vidimus revoke`: take back a tag, or a digest everywhere in its repository. */
import { parseReference, printable } from '@vidimus/reference';
import { type DigestRevoked, type Outcome, type PublishClient, trustPath } from '@vidimus/trust-client';
import type { AskedCall } from '../change/check-change.ts';
import { CliError } from '../cli-error.ts';
import type { Context } from '../context.ts';
import { type ExitCode, exitCodes } from '../exit-codes.ts';
import { shorten } from '../output/table.ts';
import { formatTimeAndDistance } from '../output/times.ts';
import { type Answer, type Fact, formatVersions, printAnswer } from '../publish/outcome-lines.ts';
import { askedCall, type Carried, carryOwnEdit, waitingAnswer } from '../publish/own-edit.ts';
import { unlessRefused, withPublisher } from '../publish/with-publisher.ts';
import { toWaitMs } from './change.ts';

export interface RevokeOptions {
  readonly reason?: string;
  readonly link?: string;
  readonly undo?: boolean;
  /** Delegated role. */
  readonly as?: string;
  /** Ids, files or `pkcs11:` URIs. */
  readonly key?: readonly string[];
  /** A duration such as `10m`. */
  readonly wait?: string;
}

/** Most tags named in the human output; `--json` names all. */
const maxShownTags = 20;

/** Asks nothing: what must happen now must happen in a script, too. Prints how to undo it. */
export async function revoke(context: Context, image: string, options: RevokeOptions): Promise<ExitCode> {
  const { repository, tag, digest, implicitTag } = parseReference(image);
  if (digest !== undefined && tag === undefined) {
    if (options.as !== undefined) {
      throw usage('a digest is revoked for the whole repository: --as goes with a tag');
    }
    const revocation = { context, repository, digest, options };
    return await (options.undo === true ? liftDigest(revocation) : revokeDigest(revocation));
  }
  if (tag === undefined || digest !== undefined || implicitTag) {
    throw usage(
      digest === undefined ? 'say which tag, or which digest' : 'a tag or a digest, not both',
      `vidimus revoke ${repository}:TAG, or vidimus revoke ${repository}@sha256:DIGEST --reason TEXT`,
    );
  }
  if (options.reason !== undefined || options.link !== undefined || options.undo === true) {
    throw usage(
      '--reason, --link and --undo are for digests; a tag is simply no longer vouched for',
      `vidimus revoke ${repository}@sha256:DIGEST --reason TEXT refuses an image under every tag`,
    );
  }
  return await revokeTag(context, repository, tag, options);
}

async function revokeTag(
  context: Context,
  repository: string,
  tag: string,
  options: RevokeOptions,
): Promise<ExitCode> {
  const subject = `${repository}:${tag}`;
  const { as } = options;
  return await withPublisher(context, repository, async (publisher) => {
    const before = await asFarAsKnown(publisher.tag(repository, tag));
    const until = await lastTimestamp(publisher, repository);
    const outcome = await publisher.revokeTag(repository, tag, as);
    const asked = askedCall(
      'DELETE',
      trustPath(repository, 'tags', tag),
      as === undefined ? undefined : { role: as },
    );
    const carried = await carry(context, publisher, options, outcome, asked);
    if (carried.state === 'pending') return printAnswer(context, waitingAnswer(subject, carried));
    const published = carried.state === 'done' ? carried.body.published : carried.versions;
    const next = `vidimus verify ${subject}`;
    const digest: readonly Fact[] =
      before === undefined
        ? []
        : [
            ['undo', `vidimus sign ${subject}@${before.digest}${as === undefined ? '' : ` --as ${as}`}`],
            ['', 'the image may have other tags: revoke its digest to refuse it under all of them'],
          ];
    return printAnswer(context, {
      deed: 'REVOKED',
      subject,
      facts: [
        ...effectFacts(context, until),
        ['versions', formatVersions(published)],
        ...digest,
        ['next', next],
      ],
      json: {
        repository,
        tag,
        published,
        ...(before === undefined ? {} : { digest: before.digest }),
        clientsRefuseBy: until ?? null,
        next,
      },
    });
  });
}

interface Revocation {
  readonly context: Context;
  readonly repository: string;
  readonly digest: string;
  readonly options: RevokeOptions;
}

async function revokeDigest({ context, repository, digest, options }: Revocation): Promise<ExitCode> {
  const { reason, link } = options;
  if (reason === undefined || reason.trim() === '') {
    throw usage(
      'whoever is refused the image will want to know why',
      `vidimus revoke ${repository}@${digest} --reason TEXT`,
    );
  }
  return await withPublisher(context, repository, async (publisher) => {
    const until = await lastTimestamp(publisher, repository);
    const request = { reason, ...(link === undefined ? {} : { link }) };
    const outcome = await publisher.revokeDigest(repository, digest, request);
    const asked = askedCall('PUT', trustPath(repository, 'revocations', digest), request);
    const carried = await carry(context, publisher, options, outcome, asked);
    if (carried.state === 'pending') return printAnswer(context, waitingAnswer(repository, carried));
    const body =
      carried.state === 'done' ? carried.body : { published: carried.versions, tags: [], stillServed: [] };
    return printAnswer(context, revokedAnswer(context, { repository, digest, until }, body));
  });
}

function revokedAnswer(
  context: Context,
  about: { readonly repository: string; readonly digest: string; readonly until: string | undefined },
  body: DigestRevoked,
): Answer {
  const { repository, digest, until } = about;
  const next = `vidimus inspect ${repository}`;
  return {
    deed: 'REVOKED',
    subject: `${repository}@${shorten(digest)}`,
    facts: [
      ['tags', tagWords(body)],
      ...stillFacts(body),
      ...effectFacts(context, until),
      ['versions', formatVersions(body.published)],
      ['undo', `vidimus revoke ${repository}@${digest} --undo`],
      ...(body.tags.length === 0 ? [] : [['', 'and sign its tags again'] as const]),
      ['next', next],
    ],
    json: { repository, digest, ...body, clientsRefuseBy: until ?? null, next },
  };
}

async function liftDigest({ context, repository, digest, options }: Revocation): Promise<ExitCode> {
  if (options.reason !== undefined || options.link !== undefined) throw usage('--undo needs no reason');
  return await withPublisher(context, repository, async (publisher) => {
    const outcome = await publisher.liftRevocation(repository, digest);
    const asked = askedCall('DELETE', trustPath(repository, 'revocations', digest));
    const carried = await carry(context, publisher, options, outcome, asked);
    if (carried.state === 'pending') return printAnswer(context, waitingAnswer(repository, carried));
    const published = carried.state === 'done' ? carried.body.published : carried.versions;
    const next = `vidimus sign ${repository}:TAG@${digest}`;
    return printAnswer(context, {
      deed: 'LIFTED',
      subject: `${repository}@${shorten(digest)}`,
      facts: [
        ['effect', 'no longer refused; the tags that were taken away stay away until signed again'],
        ['versions', formatVersions(published)],
        ['next', next],
      ],
      json: { repository, digest, published, next },
    });
  });
}

async function carry<Body>(
  context: Context,
  publisher: PublishClient,
  { key: keys, wait }: RevokeOptions,
  outcome: Outcome<Body>,
  asked: AskedCall,
): Promise<Carried<Body>> {
  return await carryOwnEdit(context, publisher, { outcome, asked, keys, waitMs: toWaitMs(wait) });
}

/** When the newest timestamp from before the edit ends: until then a client that has it may not have heard. */
async function lastTimestamp(publisher: PublishClient, repository: string): Promise<string | undefined> {
  return (await asFarAsKnown(publisher.summary(repository)))?.expires['timestamp'];
}

/** What is only told must not keep anybody from revoking: a token may revoke and not read. */
async function asFarAsKnown<Known>(question: Promise<Known>): Promise<Known | undefined> {
  return await unlessRefused(['DENIED', 'TAG_UNKNOWN', 'UNUSABLE', 'INTERNAL'], question);
}

function effectFacts(context: Context, until: string | undefined): readonly Fact[] {
  const ms = Date.parse(until ?? '');
  const latest = Number.isNaN(ms)
    ? 'when their timestamp expires'
    : `at the latest ${formatTimeAndDistance(ms, context.world.now())}`;
  return [['effect', `clients refuse it after their next refresh, ${latest}`]];
}

function tagWords({ tags, stillServed }: DigestRevoked): string {
  if (tags.length > 0) return `taken away: ${shown(tags)}`;
  return stillServed.length === 0 ? 'none named it' : 'none taken away';
}

function stillFacts({ stillServed, openChange }: DigestRevoked): readonly Fact[] {
  if (stillServed.length === 0 && openChange === undefined) return [];
  const named = shown(stillServed.map(({ role, tag }) => `${tag} (${role})`));
  const change = openChange === undefined ? '' : `, until change ${printable(openChange)} is signed`;
  return [['still', `listed by roles that the service cannot sign: ${named}${change}`]];
}

function shown(tags: readonly string[]): string {
  const more = tags.length > maxShownTags ? ` and ${tags.length - maxShownTags} more` : '';
  return `${tags
    .slice(0, maxShownTags)
    .map((tag) => printable(tag))
    .join(', ')}${more}`;
}

function usage(message: string, hint?: string): CliError {
  return new CliError('USAGE', exitCodes.usage, message, hint);
}
