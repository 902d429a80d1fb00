/** `vidimus key generate|list|import`: keys on this machine. */
import { join } from 'node:path';
import { readCertificates } from '@vidimus/crypto';
import type { ClientKey, FileKeyStore, MadeAlgorithm, PublicHalf } from '@vidimus/key-store';
import { parseRepository, printable } from '@vidimus/reference';
import { openKeyPem } from '../change/usable-keys.ts';
import { CliError } from '../cli-error.ts';
import { keysDirectory } from '../client/client-paths.ts';
import type { Context } from '../context.ts';
import { type ExitCode, exitCodes } from '../exit-codes.ts';
import { keyJson, publicText, writeNew } from '../keys/key-texts.ts';
import { toListedKey } from '../keys/listed-key.ts';
import { shorten } from '../output/table.ts';
import { formatDay } from '../output/times.ts';
import { readNamedFile } from '../publish/bounded-file.ts';
import { type Fact, printAnswer } from '../publish/outcome-lines.ts';
import { makeCertified, openKeys } from '../publish/own-keys.ts';

export interface GenerateOptions {
  readonly algorithm?: MadeAlgorithm;
  readonly label?: string;
  readonly dialect?: 'tuf' | 'notary';
  readonly for?: string;
}

const maxCertificateBytes = 65_536;

/** A new key, encrypted under a passphrase, with its public half beside it. */
export async function generate(context: Context, options: GenerateOptions): Promise<ExitCode> {
  const { algorithm = 'ed25519', dialect = 'tuf' } = options;
  const store = openKeys(context);
  context.terminal.progress('making a key ...');
  const key =
    dialect === 'notary'
      ? await generateCertified(context, store, options)
      : await store.generate({ label: options.label ?? '' }, tufKeyId, algorithm);
  return printKey(context, 'CREATED', key);
}

/** Keys here, and what each signed last. */
export async function list(context: Context): Promise<ExitCode> {
  const store = openKeys(context);
  const keys = await store.list();
  const signed = await Promise.all(keys.map(({ keyId }) => store.signed(keyId)));
  if (context.options.json === true) {
    context.json({ keys: keys.map((key, index) => ({ ...keyJson(key), signed: signed[index] ?? [] })) });
    return exitCodes.done;
  }
  if (keys.length === 0) context.terminal.out('no keys');
  else {
    const rows = keys.map((key, index) => {
      const last = signed[index]?.at(-1);
      return [
        shorten(key.keyId),
        key.algorithm,
        formatDay(key.createdAt),
        last === undefined ? 'nothing yet' : printable(`${last.role} v${last.version} of ${last.repository}`),
        `${key.certificate === undefined ? '' : 'for Notary clients; '}${printable(key.label)}`,
      ];
    });
    context.terminal.table([['KEY', 'ALGORITHM', 'SINCE', 'SIGNED LAST', 'LABEL'], ...rows]);
  }
  return exitCodes.done;
}

export interface ImportOptions {
  readonly label?: string;
  readonly certificate?: string;
}

/** Takes in a PEM: PKCS#8, what OpenSSL wrote before it, or a key file of Docker's. */
export async function importKey(context: Context, file: string, options: ImportOptions): Promise<ExitCode> {
  const certificate =
    options.certificate === undefined
      ? undefined
      : readNamedFile(options.certificate, maxCertificateBytes).toString('utf8');
  const pkcs8 = await openKeyPem(context, file);
  try {
    const keyIdOf = (half: PublicHalf): string => toListedKey(half, certificate).key.keyId;
    const label = { label: options.label ?? '', ...(certificate === undefined ? {} : { certificate }) };
    const key = await openKeys(context).import(label, pkcs8, keyIdOf);
    return printKey(context, 'IMPORTED', key);
  } finally {
    pkcs8.fill(0);
  }
}

async function generateCertified(
  context: Context,
  store: FileKeyStore,
  { algorithm, label, for: repository }: GenerateOptions,
): Promise<ClientKey> {
  if (repository === undefined) {
    throw new CliError(
      'USAGE',
      exitCodes.usage,
      'a certificate is for one repository, and none is named',
      'vidimus key generate --dialect notary --for REPO',
    );
  }
  if (algorithm === 'ed25519') {
    throw new CliError('USAGE', exitCodes.usage, 'Notary clients take certificates of ECDSA keys');
  }
  const { name } = parseRepository(repository);
  return await makeCertified(context, store, name, label ?? `notary key for ${name}`);
}

function tufKeyId(half: PublicHalf): string {
  return toListedKey(half).key.keyId;
}

function printKey(context: Context, deed: 'CREATED' | 'IMPORTED', key: ClientKey): ExitCode {
  const directory = keysDirectory(context.world.environment);
  const extension = key.certificate === undefined ? 'pub' : 'crt';
  const file = join(directory, `${key.keyId}.${extension}`);
  writeNew(file, publicText(key), 0o600, true);
  const facts: readonly Fact[] = [
    ['id', key.keyId],
    ['kind', key.algorithm],
    ...(key.label === '' ? [] : [['label', printable(key.label)] as const]),
    ['file', join(directory, `${key.keyId}.key`)],
    [key.certificate === undefined ? 'public' : 'certificate', file],
    ...certificateFacts(key),
    ['next', `vidimus delegation add REPO NAME --signer WHO=${file} --path '*'`],
  ];
  return printAnswer(context, {
    deed,
    subject: `key ${shorten(key.keyId)}`,
    facts,
    json: { ...keyJson(key), file: join(directory, `${key.keyId}.key`), public: file },
  });
}

function certificateFacts({ certificate }: ClientKey): readonly Fact[] {
  const [leaf] = certificate === undefined ? [] : readCertificates(certificate);
  return leaf === undefined ? [] : [['until', new Date(leaf.notAfter).toISOString()]];
}
