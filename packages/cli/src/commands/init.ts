/** `vidimus init REPO`: put a repository under trust, and pin its root here. */
import { dirname, join } from 'node:path';
import { isPkcs11Uri } from '@vidimus/key-store';
import { parseRepository, printable } from '@vidimus/reference';
import type { DialectName } from '@vidimus/tuf';
import { CliError } from '../cli-error.ts';
import { repositorySettings } from '../client/repository-settings.ts';
import type { Context } from '../context.ts';
import { type ExitCode, exitCodes } from '../exit-codes.ts';
import { readListedKey } from '../keys/listed-key.ts';
import { shorten } from '../output/table.ts';
import { formatTimeAndDistance } from '../output/times.ts';
import { anchorWords, pinningFacts } from '../publish/anchors.ts';
import { type Creation, createTrustedRepository } from '../publish/create-repository.ts';
import { type Answer, type Fact, printAnswer } from '../publish/outcome-lines.ts';
import type { OwnKey } from '../publish/own-keys.ts';
import { type RootKey, readPublicKeyFile } from '../publish/public-key-file.ts';
import { pendingAnswer, withPublisher } from '../publish/with-publisher.ts';

export interface InitOptions {
  readonly managedRoot?: boolean;
  readonly rootKey?: readonly string[];
  readonly threshold?: number;
  /** Comma-separated. */
  readonly dialect?: string;
  readonly trustDir?: string;
}

/** Prints where the keys are, what to do with the spare, and the next command. */
export async function init(context: Context, name: string, options: InitOptions): Promise<ExitCode> {
  assertOptions(options);
  const dialects = toDialects(options.dialect);
  const { name: repository } = parseRepository(name);
  const wish = {
    repository,
    managedRoot: options.managedRoot === true,
    otherKeys: await readRootKeys(context, options.rootKey ?? []),
    threshold: options.threshold,
    dialects,
    trustDir: options.trustDir,
  };
  const creation = await withPublisher(context, repository, (publisher) =>
    createTrustedRepository(context, publisher, wish),
  );
  if (creation.state === 'created' && wish.managedRoot) warnOnline(context, repository);
  return printAnswer(context, toAnswer(context, repository, creation));
}

/** Public keys of others, and keys of one's own on tokens. */
async function readRootKeys(context: Context, names: readonly string[]): Promise<readonly RootKey[]> {
  const keys: RootKey[] = [];
  for (const name of names) {
    if (isPkcs11Uri(name)) keys.push({ ...(await readListedKey(context, name)), uri: name });
    else keys.push(readPublicKeyFile(name));
  }
  return keys;
}

function assertOptions({ managedRoot, rootKey }: InitOptions): void {
  if (managedRoot === true && rootKey !== undefined) {
    throw new CliError(
      'USAGE',
      exitCodes.usage,
      'a root is held by the service or by keys of yours: --managed-root or --root-key',
    );
  }
}

/** Undefined: nothing was said. `tuf` first. */
function toDialects(text: string | undefined): readonly DialectName[] | undefined {
  if (text === undefined) return undefined;
  const names = text.split(',').map((name) => name.trim());
  const known = (['tuf', 'notary'] as const).filter((dialect) => names.includes(dialect));
  if (known.length === names.length) return known;
  throw new CliError(
    'USAGE',
    exitCodes.usage,
    `${printable(text)} names something else than the dialects tuf and notary, each once`,
    '--dialect tuf,notary',
  );
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
  const own = creation.state === 'exists' ? [] : creation.own;
  const next = summary.mirrored
    ? `vidimus inspect ${repository}`
    : `vidimus sign ${repository}:TAG@sha256:DIGEST`;
  return {
    deed: deedOf(creation),
    subject: repository,
    facts: [
      ...(creation.state === 'created' ? [] : [['state', stateWords(creation)] as const]),
      ['root', rootWords(context, summary)],
      ...(summary.dialects.includes('notary') ? [['dialects', summary.dialects.join(', ')] as const] : []),
      ...keyFacts(own),
      ...(pinning === undefined
        ? []
        : [
            ['anchor', `pinned here: ${anchorWords(pinning.anchor)}`] as const,
            ...pinningFacts(context, repository, pinning),
          ]),
      ['others', `vidimus anchor export ${repository} > FILE`],
      ['', `and on their machines: vidimus anchor pin ${repository} --root FILE`],
      ...dockerFacts(context, repository, summary),
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

function deedOf(creation: Exclude<Creation, { state: 'pending' }>): Answer['deed'] {
  if (creation.state === 'added') return creation.followed === true ? 'PUBLISHED' : 'ADDED';
  return creation.state === 'created' ? 'CREATED' : 'EXISTS';
}

function pending(
  context: Context,
  repository: string,
  creation: Extract<Creation, { state: 'pending' }>,
): Answer {
  const { change, own, pinning } = creation;
  const answer = pendingAnswer(repository, change);
  const signed = new Set(change.documents.flatMap(({ signatures }) => signatures.map(({ keyId }) => keyId)));
  const waiting = change.documents
    .flatMap(({ thresholds }) => thresholds.flatMap(({ keyIds }) => keyIds))
    .filter((keyId) => !signed.has(keyId));
  const isOwn = own.length === 0 && change.kind === 'dialects';
  const next = `whoever holds one of these keys: the same vidimus init${isOwn ? '' : ', with the public keys of all as --root-key'}`;
  return {
    ...answer,
    facts: [
      ...answer.facts,
      ['by', `any of ${[...new Set(waiting)].map(shorten).join(', ')}`],
      ...keyFacts(own),
      ...own.map(
        ({ held, certificateFile }): Fact => ['public', certificateFile ?? `ed25519:${held.publicHex}`],
      ),
      ...(pinning === undefined
        ? []
        : [
            ['anchor', `pinned here: ${anchorWords(pinning.anchor)}`] as const,
            ...pinningFacts(context, repository, pinning),
          ]),
      ['next', next],
    ],
    json: {
      repository,
      ...answer.json,
      keys: own.map(toJson),
      ...(pinning === undefined ? {} : { anchor: pinning.anchor }),
      next,
    },
  };
}

function stateWords(creation: Exclude<Creation, { state: 'pending' }>): string {
  const { state, summary, pinning } = creation;
  if (state === 'added' && creation.followed) return 'root follows that of the Notary clients again';
  if (state === 'added' && summary.mirrored) return 'what Notary clients publish is repeated for TUF clients';
  if (state === 'added') return 'every tag is there for Notary clients, too';
  return pinning === undefined
    ? 'under trust already, and pinned here; nothing was changed'
    : 'made from this machine before, but not pinned; pinned now';
}

/** How old clients find it: over TLS, beside what they have of other servers. */
function dockerFacts(
  context: Context,
  repository: string,
  { dialects }: Extract<Creation, { state: 'created' }>['summary'],
): readonly Fact[] {
  if (!dialects.includes('notary')) return [];
  const { server } = repositorySettings(context, repository);
  if (!server.startsWith('https:')) {
    return [['docker', 'up to version 28 wants this server over https: vidimus serve --tls-dev']];
  }
  return [
    ['docker', `up to version 28: export DOCKER_CONTENT_TRUST=1 DOCKER_CONTENT_TRUST_SERVER=${server}`],
  ];
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
  const roots = own.filter(({ use }) => use === 'root');
  const spares = own.filter(({ use }) => use === 'spare');
  return [
    ...roots.map(({ file, dialect }, index): Fact => [index === 0 ? 'key' : '', file + forWhom(dialect)]),
    ...(spares.length === 0
      ? []
      : [
          [
            'spare',
            `${spares.map(({ held }) => shorten(held.keyId)).join(' and ')}, of the same power: move ${spares.length === 1 ? 'it' : 'them'} to a medium that stays offline`,
          ] as const,
          ...spares.map(
            ({ file, held }): Fact => ['', `mv ${join(dirname(file), held.keyId)}.* OFFLINE-MEDIUM/`],
          ),
        ]),
  ];
}

function forWhom(dialect: DialectName): string {
  return dialect === 'notary' ? ' (for Notary clients)' : '';
}

function toJson({ use, dialect, held, file, certificateFile }: OwnKey): Readonly<Record<string, string>> {
  return {
    use,
    dialect,
    keyId: held.keyId,
    publicKey: held.publicHex,
    file,
    ...(certificateFile === undefined ? {} : { certificate: certificateFile }),
  };
}
