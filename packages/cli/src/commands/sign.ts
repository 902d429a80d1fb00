/** `vidimus sign IMAGE@sha256:…`: vouch for a digest under a tag. */
import { formatReference, parseReference, printable } from '@vidimus/reference';
import { type TagPublished, type TagRequest, trustPath } from '@vidimus/trust-client';
import { CliError } from '../cli-error.ts';
import { openRegistry } from '../client/registries.ts';
import type { Context } from '../context.ts';
import { type ExitCode, exitCodes } from '../exit-codes.ts';
import { formatFacts } from '../output/table.ts';
import { formatTimeAndDistance } from '../output/times.ts';
import { type DigestOptions, type KnownDigest, knownDigest, type Named } from '../publish/known-digest.ts';
import { type Answer, type Fact, formatVersions, printAnswer } from '../publish/outcome-lines.ts';
import { askedCall, type Carried, carryOwnEdit, waitingAnswer } from '../publish/own-edit.ts';
import { canAsk, confirm } from '../publish/person.ts';
import { readSignableImage, type SignableImage } from '../publish/signable-image.ts';
import { withPublisher } from '../publish/with-publisher.ts';
import { toWaitMs } from './change.ts';

export interface SignOptions extends DigestOptions {
  readonly size?: number;
  readonly resolve?: boolean;
  /** Delegated role. */
  readonly as?: string;
  /** Ids, files or `pkcs11:` URIs. */
  readonly key?: readonly string[];
  /** A duration such as `10m`. */
  readonly wait?: string;
}

/** Signs what the builder named, or what the tag is now if a person or `--resolve` says so. */
export async function sign(context: Context, image: string, options: SignOptions): Promise<ExitCode> {
  const waitMs = toWaitMs(options.wait);
  const named = parseNamed(image);
  const known = knownDigest(named, options);
  assertOptions(context, named, known, options);
  const found = await findImage(context, named, known, options.size);
  if (known === undefined && options.resolve !== true) await confirmImage(context, named, found);
  const { repository, tag } = named;
  const { as, key: keys } = options;
  const request = { ...toRequest(found), ...(as === undefined ? {} : { role: as }) };
  const carried = await withPublisher(
    context,
    repository,
    async (publisher) => {
      const outcome = await publisher.signTag(repository, tag, request);
      const asked = askedCall('PUT', trustPath(repository, 'tags', tag), request);
      return await carryOwnEdit(context, publisher, { outcome, asked, keys, waitMs });
    },
    {
      WOULD_BREAK: `if it was revoked by mistake: vidimus revoke ${repository}@${found.digest} --undo`,
      ROLE_UNKNOWN: `vidimus delegation list ${repository}`,
    },
  );
  return printAnswer(context, toAnswer(context, named, found, carried));
}

function parseNamed(image: string): Named {
  const { repository, tag, digest } = parseReference(image);
  if (tag !== undefined) return { repository, tag, digest };
  throw new CliError(
    'USAGE',
    exitCodes.usage,
    'a digest is signed under a tag, and the reference names none',
    `vidimus sign ${repository}:TAG@${digest ?? 'sha256:DIGEST'}`,
  );
}

function assertOptions(
  context: Context,
  { repository, tag }: Named,
  known: KnownDigest | undefined,
  { size, resolve }: SignOptions,
): void {
  if (known !== undefined && resolve === true)
    throw usage('the digest is given: --resolve would take another one');
  if (known === undefined && size !== undefined) throw usage('--size goes with a digest that is given');
  if (size !== undefined && known?.size !== undefined && known.size !== size)
    throw usage(`--size ${size} is not the size in the metadata file, ${known.size}`);
  if (known !== undefined || resolve === true || canAsk(context)) return;
  throw new CliError(
    'CONFIRMATION_NEEDED',
    exitCodes.usage,
    `by tag alone whatever ${repository}:${tag} is now would be signed, and there is nobody to ask`,
    'name what was built: @sha256:…, --digest-file, --metadata-file; or trust the registry: --resolve',
  );
}

async function findImage(
  context: Context,
  { repository, tag }: Named,
  known: KnownDigest | undefined,
  size: number | undefined,
): Promise<SignableImage> {
  if (known !== undefined && size !== undefined) return { ...known, size, platforms: [] };
  context.terminal.progress(`reading ${repository}:${tag} ...`);
  const registry = openRegistry(context);
  try {
    return await readSignableImage(registry, repository, { tag, known });
  } finally {
    registry.close();
  }
}

/** The first question of a security tool must show what it is about. */
async function confirmImage(
  context: Context,
  { repository, tag }: Named,
  found: SignableImage,
): Promise<void> {
  context.terminal.note(`${repository}:${tag} is in the registry now`);
  for (const line of formatFacts([['digest', found.digest], ...imageFacts(context, found)]))
    context.terminal.note(line);
  await confirm(context, `Vouch for it as ${repository}:${tag}?`);
}

function toRequest({ digest, size, mediaType, platforms }: SignableImage): TagRequest {
  return {
    digest,
    size,
    ...(mediaType === undefined ? {} : { mediaType }),
    ...(platforms.length === 0 ? {} : { platforms }),
  };
}

function toAnswer(
  context: Context,
  { repository, tag }: Named,
  found: SignableImage,
  carried: Carried<TagPublished>,
): Answer {
  const subject = `${repository}:${tag}`;
  const pinned = formatReference({ repository, digest: found.digest });
  const next = `vidimus verify ${subject}`;
  const image: readonly Fact[] = [['pinned', pinned], ...imageFacts(context, found)];
  const seen = { repository, platforms: found.platforms, pinned };
  if (carried.state === 'pending') {
    const pending = waitingAnswer(subject, carried, image);
    return { ...pending, json: { ...seen, ...pending.json } };
  }
  if (carried.state === 'published') {
    const { change, versions } = carried;
    return {
      deed: 'SIGNED',
      subject,
      facts: [
        ...image,
        ['vouched', `by the signers of change ${change.id}; versions: ${formatVersions(versions)}`],
        ['next', next],
      ],
      json: { ...seen, tag, digest: found.digest, size: found.size, change: change.id, versions, next },
    };
  }
  const { body } = carried;
  if (body.digest !== found.digest || body.tag !== tag) {
    throw new CliError(
      'UNUSABLE',
      exitCodes.unavailable,
      `the server says that it signed ${body.digest} as ${body.tag}, which was not asked for`,
      next,
    );
  }
  return {
    deed: 'SIGNED',
    subject,
    facts: [
      ...image,
      ['vouched', `by ${printable(body.role)}; versions: ${formatVersions(body.versions)}`],
      ['next', next],
    ],
    json: { ...seen, ...body, next },
  };
}

function imageFacts(context: Context, found: SignableImage): readonly Fact[] {
  const { kind, platforms, size, mediaType, createdAt } = found;
  const parts = [kind ?? 'not read from the registry', platforms.join(' '), `${size} bytes`];
  return [
    ['image', parts.filter((part) => part !== '').join(', ')],
    ...(mediaType === undefined ? [] : [['type', printable(mediaType)] as const]),
    ...(createdAt === undefined
      ? []
      : [['made', `${formatTimeAndDistance(createdAt, context.world.now())}, as the image says`] as const]),
  ];
}

function usage(message: string): CliError {
  return new CliError('USAGE', exitCodes.usage, message);
}
