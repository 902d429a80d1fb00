/** `vidimus init REPO`: put a repository under trust, and pin its root here. */
import { dirname, join } from 'node:path';
import { parseRepository } from '@vidimus/reference';
import { CliError } from '../cli-error.ts';
import type { Context } from '../context.ts';
import { type ExitCode, exitCodes } from '../exit-codes.ts';
import { shorten } from '../output/table.ts';
import { formatTimeAndDistance } from '../output/times.ts';
import { anchorWords, pinningFacts } from '../publish/anchors.ts';
import { type Creation, createTrustedRepository } from '../publish/create-repository.ts';
import { type Answer, type Fact, printAnswer } from '../publish/outcome-lines.ts';
import type { OwnKey } from '../publish/own-keys.ts';
import { readPublicKeyFile } from '../publish/public-key-file.ts';
import { pendingAnswer, withPublisher } from '../publish/with-publisher.ts';

export interface InitOptions {
  readonly managedRoot?: boolean;
  readonly rootKey?: readonly string[];
  readonly threshold?: number;
  readonly dialect?: string;
}

/** Prints where the keys are, what to do with the spare, and the next command. */
export async function init(context: Context, name: string, options: InitOptions): Promise<ExitCode> {
  assertOptions(options);
  const { name: repository } = parseRepository(name);
  const wish = {
    repository,
    managedRoot: options.managedRoot === true,
    otherKeys: (options.rootKey ?? []).map(readPublicKeyFile),
    threshold: options.threshold,
  };
  const creation = await withPublisher(context, repository, (publisher) =>
    createTrustedRepository(context, publisher, wish),
  );
  if (creation.state === 'created' && wish.managedRoot) warnOnline(context, repository);
  return printAnswer(context, toAnswer(context, repository, creation));
}

function assertOptions({ managedRoot, rootKey, dialect }: InitOptions): void {
  if (dialect !== undefined && dialect !== 'tuf') {
    throw new CliError(
      'USAGE',
      exitCodes.usage,
      `the dialect ${dialect} cannot be made yet`,
      '--dialect tuf',
    );
  }
  if (managedRoot === true && rootKey !== undefined) {
    throw new CliError(
      'USAGE',
      exitCodes.usage,
      'a root is held by the service or by keys of yours: --managed-root or --root-key',
    );
  }
}

/** On stderr, and not silenced: whoever runs this in production should not be able to overlook it. */
function warnOnline({ world }: Context, repository: string): void {
  world.stderr.write(
    `WARNING  root: ONLINE. The service holds the root key of ${repository}: whoever takes over the service can ` +
      'replace every key. For evaluation only; without --managed-root the key is made on this machine.\n',
  );
}

function toAnswer(context: Context, repository: string, creation: Creation): Answer {
  if (creation.state === 'pending') return pending(context, repository, creation);
  const { summary, pinning } = creation;
  const own = creation.state === 'created' ? creation.own : [];
  const next = `vidimus sign ${repository}:TAG@sha256:DIGEST`;
  return {
    deed: creation.state === 'created' ? 'CREATED' : 'EXISTS',
    subject: repository,
    facts: [
      ...(creation.state === 'created' ? [] : [['state', stateWords(pinning !== undefined)] as const]),
      ['root', rootWords(context, summary)],
      ...keyFacts(own),
      ...(pinning === undefined
        ? []
        : [
            ['anchor', `pinned here: ${anchorWords(pinning.anchor)}`] as const,
            ...pinningFacts(context, repository, pinning),
          ]),
      ['others', `vidimus anchor export ${repository} > FILE`],
      ['', `and on their machines: vidimus anchor pin ${repository} --root FILE`],
      ['next', next],
    ],
    json: {
      repository,
      summary,
      keys: own.map(toJson),
      ...(pinning === undefined ? {} : { anchor: pinning.anchor }),
      next,
    },
  };
}

function pending(
  context: Context,
  repository: string,
  creation: Extract<Creation, { state: 'pending' }>,
): Answer {
  const { change, own, pinning } = creation;
  const answer = pendingAnswer(repository, change);
  const root = change.documents.find(({ role }) => role === 'root');
  const signed = new Set(root?.signatures.map(({ keyId }) => keyId));
  const waiting = (root?.thresholds ?? [])
    .flatMap(({ keyIds }) => keyIds)
    .filter((keyId) => !signed.has(keyId));
  const next =
    'whoever holds one of these keys: the same vidimus init, with the public keys of all as --root-key';
  return {
    ...answer,
    facts: [
      ...answer.facts,
      ['by', `any of ${[...new Set(waiting)].map(shorten).join(', ')}`],
      ...keyFacts(own),
      ...own.map(({ held }): Fact => ['public', `ed25519:${held.publicHex}`]),
      ['anchor', `pinned here: ${anchorWords(pinning.anchor)}`],
      ...pinningFacts(context, repository, pinning),
      ['next', next],
    ],
    json: { repository, ...answer.json, keys: own.map(toJson), anchor: pinning.anchor, next },
  };
}

function stateWords(pinnedNow: boolean): string {
  return pinnedNow
    ? 'made from this machine before, but not pinned; pinned now'
    : 'under trust already, and pinned here; nothing was changed';
}

function rootWords(context: Context, summary: Extract<Creation, { state: 'created' }>['summary']): string {
  const root = summary.roles['root'];
  const expires = Date.parse(summary.expires['root'] ?? '');
  const until = Number.isNaN(expires)
    ? ''
    : `, expires ${formatTimeAndDistance(expires, context.world.now())}`;
  const held = root?.custody === 'managed' ? 'ONLINE, held by the service' : 'held by clients';
  return `v${summary.versions['root'] ?? 1}, ${root?.threshold ?? 1} of ${root?.keyIds.length ?? 0} keys, ${held}${until}`;
}

function keyFacts(own: readonly OwnKey[]): readonly Fact[] {
  return own.flatMap(({ use, file, held }): readonly Fact[] => {
    if (use === 'root') return [['key', file]];
    return [
      ['spare', `${shorten(held.keyId)}, of the same power: move it to a medium that stays offline`],
      ['', `mv ${join(dirname(file), held.keyId)}.* OFFLINE-MEDIUM/`],
    ];
  });
}

function toJson({ use, held, file }: OwnKey): Readonly<Record<string, string>> {
  return { use, keyId: held.keyId, publicKey: held.publicHex, file };
}
