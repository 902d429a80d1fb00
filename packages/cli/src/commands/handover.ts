/** `vidimus anchor handover make|accept`: a root is lost, and recovery keys named before say which one follows. */
import { sha256Hex } from '@vidimus/crypto';
import { notaryDialect } from '@vidimus/notary';
import { parseRepository, printable } from '@vidimus/reference';
import type { CheckedHandover } from '@vidimus/trust-client';
import {
  DEFAULT_LIMITS,
  type DialectName,
  encodeHandover,
  type Handover,
  MAX_HANDOVER_BYTES,
  readHandover,
  type Signature,
  TufError,
  tufDialect,
  verifyRoot,
} from '@vidimus/tuf';
import { CliError } from '../cli-error.ts';
import { rfc3339 } from '../client/judge-image.ts';
import { openClient } from '../client/open-client.ts';
import { durationToMs } from '../config/client-config.ts';
import type { Context } from '../context.ts';
import { type ExitCode, exitCodes } from '../exit-codes.ts';
import { formatFacts, shorten } from '../output/table.ts';
import { withDistances } from '../output/times.ts';
import { readNamedFile } from '../publish/bounded-file.ts';
import { type Fact, printAnswer } from '../publish/outcome-lines.ts';
import { openKeys } from '../publish/own-keys.ts';
import { canAsk, confirm } from '../publish/person.ts';

export interface MakeOptions {
  readonly from?: string;
  readonly to?: string;
  readonly reason?: string;
  readonly valid?: string;
  readonly add?: string;
  readonly key: readonly string[];
}

const usualLife = '7d';

/** Writes the signed statement to stdout; reads no server, so that recovery keys can stay where there is no network. */
export async function make(
  context: Context,
  name: string | undefined,
  options: MakeOptions,
): Promise<ExitCode> {
  const before =
    options.add === undefined ? undefined : readHandover(readNamedFile(options.add, MAX_HANDOVER_BYTES));
  const handover = before?.handover ?? describe(context, name, options);
  const message = before?.envelope.message ?? encodeHandover(handover);
  if (context.options.quiet !== true) {
    for (const line of formatFacts(factsOf(handover)))
      context.terminal.note(withDistances(line, context.world.now()));
  }
  if (canAsk(context)) await confirm(context, 'Sign this hand-over?');
  const signatures = new Map((before?.envelope.signatures ?? []).map((one) => [one.keyId, one]));
  for (const signature of await sign(context, options.key, message))
    signatures.set(signature.keyId, signature);
  const bytes = tufDialect.seal(message, [...signatures.values()]);
  const text = Buffer.from(bytes).toString('utf8');
  if (context.options.json === true) context.json(JSON.parse(text));
  else context.world.stdout.write(`${text}\n`);
  return exitCodes.done;
}

/** Shows what a hand-over does, asks, and goes on with the root it leads to. */
export async function accept(
  context: Context,
  file: string,
  options: { readonly yes?: boolean },
): Promise<ExitCode> {
  const statement = readNamedFile(file, MAX_HANDOVER_BYTES);
  const { repository } = readHandover(statement).handover;
  const client = openClient(context, true);
  try {
    const trust = client.trust.open(repository);
    const checked = await trust.checkHandover(statement);
    const facts = [...factsOf(checked.file.handover), ...keyFacts(checked)];
    if (options.yes !== true) await ask(context, facts);
    await trust.acceptHandover(statement);
    const next = `vidimus inspect ${repository}`;
    return printAnswer(context, {
      deed: 'ACCEPTED',
      subject: repository,
      facts: [...facts, ['next', next]],
      json: { repository, ...toJson(checked), next },
    });
  } finally {
    client.close();
  }
}

async function ask(context: Context, facts: readonly Fact[]): Promise<void> {
  if (!canAsk(context)) {
    throw new CliError(
      'CONFIRMATION_NEEDED',
      exitCodes.usage,
      'a hand-over is accepted by a person who has read it',
      'run this on a terminal, or with --yes when it was read before',
    );
  }
  for (const line of formatFacts(facts)) context.terminal.note(withDistances(line, context.world.now()));
  await confirm(context, 'Trust the new root in place of the old one?');
}

/** What is said, from the two root files. @throws CliError USAGE; TufError of a file that is no root */
function describe(context: Context, name: string | undefined, options: MakeOptions): Handover {
  const { from, to, reason, valid = usualLife } = options;
  if (name === undefined || from === undefined || to === undefined || reason === undefined) {
    throw usage('say of which repository, --from which root, --to which, and the --reason; or --add FILE');
  }
  if (!/^\d{1,6}[smhd]$/.test(valid)) throw usage(`${printable(valid)} is no time like 7d`);
  const { name: repository } = parseRepository(name);
  const left = readRoot(repository, from);
  const next = readRoot(repository, to);
  if (left.dialect !== next.dialect) throw usage('the two roots are of different dialects');
  const issued = Math.floor(context.world.now() / 1000) * 1000;
  return {
    repository,
    dialect: left.dialect,
    from: left.name,
    to: next.name,
    issued,
    expires: issued + durationToMs(valid),
    reason,
  };
}

function readRoot(repository: string, file: string) {
  const bytes = new Uint8Array(readNamedFile(file, DEFAULT_LIMITS.rootBytes));
  const read = (dialect: DialectName) => {
    const codec = dialect === 'tuf' ? tufDialect : notaryDialect;
    const root = verifyRoot({ dialect: codec, repository, foreign: true, limits: DEFAULT_LIMITS }, bytes);
    return { dialect, name: { version: root.document.version, sha256: sha256Hex(bytes) } };
  };
  try {
    return read('tuf');
  } catch (error) {
    // No file is valid in two dialects: `_type` is compared exactly.
    if (error instanceof TufError && error.code === 'WRONG_TYPE') return read('notary');
    throw error;
  }
}

async function sign(
  context: Context,
  ids: readonly string[],
  message: Uint8Array,
): Promise<readonly Signature[]> {
  const store = openKeys(context);
  const signatures: Signature[] = [];
  for (const id of new Set(ids)) {
    const held = await store.find(id);
    if (held === undefined) throw usage(`no key ${printable(id)} is on this machine`);
    const signer = await store.open(held);
    signatures.push(tufDialect.toSignature(held.keyId, signer.scheme, await signer.sign(message)));
  }
  return signatures;
}

function factsOf({ repository, dialect, from, to, expires, reason }: Handover): readonly Fact[] {
  return [
    ['repository', `${printable(repository)}${dialect === 'tuf' ? '' : ` (dialect ${dialect})`}`],
    ['leaves', `root v${from.version} sha256:${from.sha256}`],
    ['goes on', `root v${to.version} sha256:${to.sha256}`],
    ['reason', printable(reason)],
    ['until', rfc3339(expires)],
  ];
}

function keyFacts({ signedBy, from, to }: CheckedHandover): readonly Fact[] {
  const keys = ({ document: { roles } }: CheckedHandover['from']): string =>
    `${roles.root.threshold} of ${roles.root.keyIds.map(shorten).join(', ')}`;
  return [
    ['signed by', `recovery keys ${signedBy.map(shorten).join(', ')}`],
    ['old keys', keys(from)],
    ['new keys', keys(to)],
  ];
}

function toJson({ file, signedBy, to }: CheckedHandover): Readonly<Record<string, unknown>> {
  const { from, to: next, reason, dialect, expires } = file.handover;
  const { keyIds, threshold } = to.document.roles.root;
  return {
    dialect,
    from,
    to: next,
    reason,
    expires: rfc3339(expires),
    signedBy,
    newKeys: { keyIds, threshold },
  };
}

function usage(message: string): CliError {
  return new CliError(
    'USAGE',
    exitCodes.usage,
    message,
    'vidimus anchor handover make REPO --from OLD.root.json --to NEW.root.json --reason TEXT --key ID > FILE',
  );
}
