/** One token that a URI means, with a session on it in which the user is logged in. */
import type { Handle } from 'pkcs11js';
import { KeyStoreError } from '../errors.ts';
import { calling, type Pkcs11Library, returnValueOf } from './library.ts';
import { type PinSources, readPin, type TokenName } from './pin.ts';
import type { Pkcs11Uri } from './uri.ts';

const MAX_TOKENS = 256;
const ENDED: readonly string[] = [
  'CKR_SESSION_HANDLE_INVALID',
  'CKR_SESSION_CLOSED',
  'CKR_DEVICE_REMOVED',
  'CKR_TOKEN_NOT_PRESENT',
];

export interface Token extends TokenName {
  readonly library: Pkcs11Library;
  readonly session: Handle;
}

/**
 * The one token that is as the URI says, opened for reading and writing.
 * @throws KeyStoreError TOKEN_UNAVAILABLE, PIN_NEEDED, PIN_WRONG or FILE_UNSAFE
 */
export async function openToken(library: Pkcs11Library, uri: Pkcs11Uri, pins: PinSources): Promise<Token> {
  const { names, module } = library;
  const { slot, ...name } = await findToken(library, uri);
  const session = await calling(() =>
    module.C_OpenSession(slot, names.CKF_SERIAL_SESSION | names.CKF_RW_SESSION),
  );
  try {
    const pin = await readPin(uri, name, pins);
    await calling(() => logIn(library, session, pin));
    return { ...name, library, session };
  } catch (error) {
    module.C_CloseSession(session);
    throw error;
  }
}

/** Ends the session; a token that was taken away has ended it before. */
export function closeToken({ library: { module }, session }: Token): void {
  try {
    module.C_CloseSession(session);
  } catch (error) {
    const value = returnValueOf(error);
    if (!ENDED.includes(value)) throw error;
  }
}

function logIn({ names, module }: Pkcs11Library, session: Handle, pin: string): void {
  try {
    module.C_Login(session, names.CKU_USER, pin);
  } catch (error) {
    // The login is the process's, not the session's.
    if (returnValueOf(error) !== 'CKR_USER_ALREADY_LOGGED_IN') throw error;
  }
}

async function findToken(
  { names, module }: Pkcs11Library,
  uri: Pkcs11Uri,
): Promise<TokenName & { readonly slot: Handle }> {
  const slots = await calling(() => module.C_GetSlotList(true));
  const found: (TokenName & { readonly slot: Handle })[] = [];
  for (const slot of slots.slice(0, MAX_TOKENS)) {
    const info = await calling(() => module.C_GetTokenInfo(slot));
    if ((info.flags & names.CKF_TOKEN_INITIALIZED) === 0) continue;
    const token = { label: info.label.trimEnd(), serial: info.serialNumber.trimEnd() };
    const isMeant =
      matches(uri.token, token.label) &&
      matches(uri.serial, token.serial) &&
      matches(uri.manufacturer, info.manufacturerID.trimEnd()) &&
      matches(uri.model, info.model.trimEnd());
    if (isMeant) found.push({ ...token, slot });
  }
  const [only, ...more] = found;
  if (only === undefined) throw new KeyStoreError('TOKEN_UNAVAILABLE', 'no token is as the URI says');
  if (more.length === 0) return only;
  throw new KeyStoreError(
    'TOKEN_UNAVAILABLE',
    `${found.length} tokens are as the URI says: name token or serial`,
  );
}

function matches(wanted: string | undefined, given: string): boolean {
  return wanted === undefined || wanted === given;
}
