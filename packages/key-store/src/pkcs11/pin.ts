/** Where the PIN of a token comes from; never from an argument, which every process can read. */
import { KeyStoreError } from '../errors.ts';
import { readPrivateFile } from '../private-file.ts';
import type { Pkcs11Uri } from './uri.ts';

const MAX_PIN_FILE_BYTES = 1024;

/** A token as it names itself. */
export interface TokenName {
  readonly label: string;
  readonly serial: string;
}

export interface PinSources {
  /** `VIDIMUS_PKCS11_PIN` and `VIDIMUS_PKCS11_PIN_FILE` are looked for. */
  readonly environment: Readonly<Record<string, string | undefined>>;
  /** Asked when nothing else says it. */
  readonly askPin?: (token: TokenName) => Promise<string>;
}

/**
 * The PIN: from the URI's `pin-source`, then the environment, then the person. Files are private, or refused.
 * @throws KeyStoreError PIN_NEEDED or FILE_UNSAFE
 */
export async function readPin(uri: Pkcs11Uri, token: TokenName, sources: PinSources): Promise<string> {
  const { environment, askPin } = sources;
  if (uri.pinSource !== undefined) return await readPinFile(uri.pinSource);
  const given = environment['VIDIMUS_PKCS11_PIN'];
  const file = environment['VIDIMUS_PKCS11_PIN_FILE'];
  if (given) return given;
  if (file) return await readPinFile(file);
  const asked = await askPin?.(token);
  if (asked) return asked;
  throw new KeyStoreError('PIN_NEEDED', `the PIN of token ${token.label} is needed`, { token: token.label });
}

async function readPinFile(path: string): Promise<string> {
  const bytes = await readPrivateFile(path, MAX_PIN_FILE_BYTES, 'follow');
  if (bytes === undefined) throw new KeyStoreError('PIN_NEEDED', `${path} does not exist`, { path });
  const pin = Buffer.from(bytes).toString('utf8').split(/\r?\n/, 1)[0];
  if (pin) return pin;
  throw new KeyStoreError('PIN_NEEDED', `the first line of ${path} is empty`, { path });
}
