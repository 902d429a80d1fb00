/** `vidimus key export`: the public half for others, or the key itself under a passphrase. */
import { createPrivateKey } from 'node:crypto';
import { type ClientKey, type FileKeyStore, isPkcs11Uri } from '@vidimus/key-store';
import { printable } from '@vidimus/reference';
import { heldKey } from '../change/usable-keys.ts';
import { CliError } from '../cli-error.ts';
import type { Context } from '../context.ts';
import { type ExitCode, exitCodes } from '../exit-codes.ts';
import { keyJson, publicText, publicTextOf, writeNew } from '../keys/key-texts.ts';
import { readListedKey } from '../keys/listed-key.ts';
import { shorten } from '../output/table.ts';
import { printAnswer } from '../publish/outcome-lines.ts';
import { openKeys } from '../publish/own-keys.ts';
import { passphraseOf } from '../publish/person.ts';

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
        ...keyJson(key),
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
    json: { ...keyJson(key), file: out },
  });
}
