/** `vidimus key generate|list|import|export`: keys on this machine. */
import { createPrivateKey } from 'node:crypto';
import { closeSync, constants, openSync, writeSync } from 'node:fs';
import { join } from 'node:path';
import { readCertificates } from '@vidimus/crypto';
import {
  type ClientKey,
  type FileKeyStore,
  isPkcs11Uri,
  type MadeAlgorithm,
  type PublicHalf,
} from '@vidimus/key-store';
import { parseRepository, printable } from '@vidimus/reference';
import type { Key } from '@vidimus/tuf';
import { heldKey, openKeyPem } from '../change/usable-keys.ts';
import { CliError } from '../cli-error.ts';
import { keysDirectory } from '../client/client-paths.ts';
import type { Context } from '../context.ts';
import { type ExitCode, exitCodes } from '../exit-codes.ts';
import { readListedKey, toListedKey } from '../keys/listed-key.ts';
import { shorten } from '../output/table.ts';
import { formatDay } from '../output/times.ts';
import { readNamedFile } from '../publish/bounded-file.ts';
import { type Fact, printAnswer } from '../publish/outcome-lines.ts';
import { makeCertified, openKeys } from '../publish/own-keys.ts';
import { passphraseOf } from '../publish/person.ts';

export interface GenerateOptions {
  readonly algorithm?: MadeAlgorithm;
  readonly label?: string;
  readonly dialect?: 'tuf' | 'notary';
  readonly for?: string;
}

const maxCertificateBytes = 65_536;
const { O_CREAT, O_EXCL, O_NOFOLLOW, O_WRONLY } = constants;

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
    context.json({ keys: keys.map((key, index) => ({ ...toJson(key), signed: signed[index] ?? [] })) });
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

export interface ExportOptions {
  readonly private?: boolean;
  readonly out?: string;
}

/** The public half on stdout, or either half in a file that was not there. */
export async function exportKey(context: Context, id: string, options: ExportOptions): Promise<ExitCode> {
  if (isPkcs11Uri(id)) return await exportFromToken(context, id, options);
  const store = openKeys(context);
  const key = await heldKey(store, id);
  if (key === undefined) {
    throw new CliError(
      'KEY_UNKNOWN',
      exitCodes.denied,
      `no key here begins with ${printable(id)}`,
      'vidimus key list',
    );
  }
  if (options.private === true) return await exportPrivate(context, store, key, options.out);
  const text = publicText(key);
  if (options.out !== undefined) writeNew(options.out, text, 0o644);
  if (options.out !== undefined || context.options.json === true) {
    return printAnswer(context, {
      deed: 'EXPORTED',
      subject: `key ${shorten(key.keyId)}`,
      facts: [['public', options.out ?? text.trim()]],
      json: {
        ...toJson(key),
        public: text.trim(),
        ...(options.out === undefined ? {} : { file: options.out }),
      },
    });
  }
  // Not through the terminal: a key must never be folded.
  context.world.stdout.write(text);
  return exitCodes.done;
}

/** What others need to name a key that is on a token. */
async function exportFromToken(
  context: Context,
  uri: string,
  { private: secret, out }: ExportOptions,
): Promise<ExitCode> {
  if (secret === true) {
    throw new CliError('USAGE', exitCodes.usage, 'a private key does not leave its token');
  }
  const { key } = await readListedKey(context, uri);
  const text = publicTextOf(key);
  if (out !== undefined) writeNew(out, text, 0o644);
  if (out === undefined && context.options.json !== true) context.world.stdout.write(text);
  else {
    printAnswer(context, {
      deed: 'EXPORTED',
      subject: `key ${shorten(key.keyId)}`,
      facts: [['public', out ?? text.trim()]],
      json: { keyId: key.keyId, public: text.trim(), ...(out === undefined ? {} : { file: out }) },
    });
  }
  return exitCodes.done;
}

/** T28: never on a terminal, never readable by others, never without a passphrase. */
async function exportPrivate(
  context: Context,
  store: FileKeyStore,
  key: ClientKey,
  out: string | undefined,
): Promise<ExitCode> {
  if (out === undefined) {
    throw new CliError(
      'USAGE',
      exitCodes.usage,
      'a private key goes into a file of its own, not on the terminal',
      `vidimus key export ${shorten(key.keyId)} --private --out FILE`,
    );
  }
  const pkcs8 = await store.exportPkcs8(key);
  try {
    const passphrase = await passphraseOf(context, 'the exported key', 'make');
    const pem = createPrivateKey({ key: Buffer.from(pkcs8), format: 'der', type: 'pkcs8' })
      .export({ format: 'pem', type: 'pkcs8', cipher: 'aes-256-cbc', passphrase })
      .toString();
    writeNew(out, pem, 0o600);
  } finally {
    pkcs8.fill(0);
  }
  return printAnswer(context, {
    deed: 'EXPORTED',
    subject: `key ${shorten(key.keyId)}`,
    facts: [
      ['file', `${out}, as strong as its passphrase`],
      ['but', 'what it signed is written down here alone: do not sign with both'],
    ],
    json: { ...toJson(key), file: out },
  });
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
    json: { ...toJson(key), file: join(directory, `${key.keyId}.key`), public: file },
  });
}

function certificateFacts({ certificate }: ClientKey): readonly Fact[] {
  const [leaf] = certificate === undefined ? [] : readCertificates(certificate);
  return leaf === undefined ? [] : [['until', new Date(leaf.notAfter).toISOString()]];
}

/** As others name it with --root-key, --signer and --to. */
function publicText(key: ClientKey): string {
  if (key.certificate === undefined) return publicTextOf(toListedKey(key).key);
  return key.certificate.endsWith('\n') ? key.certificate : `${key.certificate}\n`;
}

function publicTextOf({ declared, usable }: Key): string {
  const { keyval } = declared;
  const text = typeof keyval === 'object' && keyval !== null && 'public' in keyval ? keyval['public'] : '';
  return usable?.scheme === 'ed25519' ? `ed25519:${String(text)}\n` : String(text);
}

function toJson({ keyId, algorithm, label, createdAt, publicHex, certificate }: ClientKey) {
  return {
    keyId,
    algorithm,
    label,
    createdAt: new Date(createdAt).toISOString(),
    publicKey: publicHex,
    ...(certificate === undefined ? {} : { certificate }),
  };
}

/** A file that was not there, so that nothing is overwritten and no link followed. */
function writeNew(file: string, text: string, mode: number, mayExist = false): void {
  let opened: number;
  try {
    opened = openSync(file, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW, mode);
  } catch (cause) {
    const isThere = cause instanceof Error && 'code' in cause && cause.code === 'EEXIST';
    if (isThere && mayExist) return;
    const why = isThere ? `${file} exists` : `cannot write ${file}`;
    throw new CliError('FILE_UNWRITABLE', exitCodes.usage, why, 'name another file', { cause });
  }
  try {
    writeSync(opened, text);
  } finally {
    closeSync(opened);
  }
}
