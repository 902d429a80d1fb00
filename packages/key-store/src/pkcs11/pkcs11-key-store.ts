/**
 * Keys on tokens (PKCS #11): found by URI, made on the token, used through it. Nothing is loaded before the first
 * call; `close` ends every session.
 */
import { type SignatureScheme, type Signer, toHex } from '@vidimus/crypto';
import { KeyStoreError } from '../errors.ts';
import type { MadeAlgorithm, PublicHalf } from '../key-store.ts';
import { calling, loadLibrary, type Pkcs11Library } from './library.ts';
import { findKeys, hasKey, type TokenKey } from './objects.ts';
import type { PinSources } from './pin.ts';
import { closeToken, openToken, type Token } from './token.ts';
import { type Turns, tokenSigner } from './token-signer.ts';
import { formatPkcs11Uri, type Pkcs11Uri, parsePkcs11Uri } from './uri.ts';

const ID_BYTES = 16;
/** CKM_EC_KEY_PAIR_GEN and CKM_EC_EDWARDS_KEY_PAIR_GEN, with the curve as every module takes it. */
const GENERATION: Readonly<Record<MadeAlgorithm, { readonly mechanism: number; readonly curve: string }>> = {
  'ecdsa-p256': { mechanism: 0x1040, curve: '06082a8648ce3d030107' },
  ed25519: { mechanism: 0x1055, curve: '130c656477617264733235353139' },
};

export interface Pkcs11Parts extends PinSources {
  /** Besides the PIN's, `VIDIMUS_PKCS11_MODULE` is looked for where a URI names no module. */
  readonly environment: Readonly<Record<string, string | undefined>>;
  /** Take also keys that the token would hand out; else they are refused. */
  readonly allowExtractable?: boolean;
}

/** A key pair on a token. */
export interface Pkcs11Key {
  readonly publicHalf: PublicHalf;
  /** CKA_ID in hex. */
  readonly id: string;
  readonly label: string;
  /** Names this key again, by token, serial and id: no module, no PIN. */
  readonly uri: string;
  /** Without a scheme P-256 keys sign r || s over SHA-256, as Notary v1 does. @throws KeyStoreError SCHEME_MISMATCH */
  signer(scheme?: SignatureScheme): Signer;
}

/** Every method also throws KeyStoreError URI_INVALID, MODULE_UNAVAILABLE, TOKEN_UNAVAILABLE, PIN_NEEDED, PIN_WRONG. */
export interface Pkcs11KeyStore {
  /** The one key that is as the URI says. @throws KeyStoreError KEY_UNKNOWN, KEY_AMBIGUOUS, KEY_EXTRACTABLE */
  find(uri: string): Promise<Pkcs11Key>;
  /** Every key that is as the URI says and could be used. */
  list(uri: string): Promise<readonly Pkcs11Key[]>;
  /**
   * Makes a key on the token, not extractable, under the URI's id (else one that the token draws) and label.
   * @throws KeyStoreError KEY_EXISTS
   */
  generate(uri: string, algorithm?: MadeAlgorithm): Promise<Pkcs11Key>;
  /** Ends all sessions; signers of this store fail from then on. */
  close(): Promise<void>;
}

/** Access to tokens, one operation at a time. */
export function createPkcs11KeyStore(parts: Pkcs11Parts): Pkcs11KeyStore {
  const libraries = new Map<string, Pkcs11Library>();
  const tokens = new Map<string, Token>();
  const inTurn = createTurns();

  async function open(uri: Pkcs11Uri): Promise<Token> {
    const path = uri.modulePath ?? parts.environment['VIDIMUS_PKCS11_MODULE'] ?? '';
    const { token, serial, manufacturer, model } = uri;
    const name = JSON.stringify([path, token, serial, manufacturer, model]);
    const known = tokens.get(name);
    if (known !== undefined) return known;
    const library = libraries.get(path) ?? (await loadLibrary(path));
    libraries.set(path, library);
    const opened = await openToken(library, uri, parts);
    tokens.set(name, opened);
    return opened;
  }

  const usable = (key: TokenKey): boolean => parts.allowExtractable === true || !key.extractable;

  async function only(token: Token, uri: Pkcs11Uri): Promise<Pkcs11Key> {
    const [key, ...more] = await findKeys(token, uri);
    if (key === undefined) {
      throw new KeyStoreError('KEY_UNKNOWN', 'no P-256 or Ed25519 key pair on the token is as the URI says');
    }
    if (more.length > 0) {
      throw new KeyStoreError(
        'KEY_AMBIGUOUS',
        `${more.length + 1} keys are as the URI says: name one by its id`,
      );
    }
    if (!usable(key)) {
      throw new KeyStoreError(
        'KEY_EXTRACTABLE',
        'the token would hand this private key out to anybody with the PIN',
        {
          id: toHex(key.id),
        },
      );
    }
    return toKey(token, key, inTurn);
  }

  return {
    find: async (text) => {
      const uri = parsePkcs11Uri(text);
      if (uri.id === undefined && uri.object === undefined) {
        throw new KeyStoreError('URI_INVALID', 'the URI must name a key by id or object');
      }
      return await inTurn(async () => await only(await open(uri), uri));
    },
    list: async (text) => {
      const uri = parsePkcs11Uri(text);
      return await inTurn(async () => {
        const token = await open(uri);
        return (await findKeys(token, uri)).filter(usable).map((key) => toKey(token, key, inTurn));
      });
    },
    generate: async (text, algorithm = 'ed25519') => {
      const uri = parsePkcs11Uri(text);
      return await inTurn(async () => {
        const token = await open(uri);
        const id = uri.id ?? (await drawId(token));
        const { object } = uri;
        if ((await hasKey(token, { id })) || (object !== undefined && (await hasKey(token, { object })))) {
          throw new KeyStoreError('KEY_EXISTS', 'the token has a key of this id or label', { id: toHex(id) });
        }
        await generateOn(token, algorithm, id, object ?? '');
        return await only(token, { id });
      });
    },
    close: async () => {
      await inTurn(async () => {
        for (const token of tokens.values()) closeToken(token);
        tokens.clear();
        for (const library of libraries.values()) library.close();
        libraries.clear();
      });
    },
  };
}

function toKey(token: Token, key: TokenKey, inTurn: Turns): Pkcs11Key {
  const { label, serial } = token;
  return {
    publicHalf: key.publicHalf,
    id: toHex(key.id),
    label: key.label,
    uri: formatPkcs11Uri({ token: label, serial, id: key.id }),
    signer: (scheme) => tokenSigner(token, key, inTurn, scheme),
  };
}

async function drawId({ library: { module }, session }: Token): Promise<Uint8Array> {
  return await calling(() => new Uint8Array(module.C_GenerateRandom(session, Buffer.alloc(ID_BYTES))));
}

async function generateOn(
  { library: { names, module }, session }: Token,
  algorithm: MadeAlgorithm,
  id: Uint8Array,
  label: string,
): Promise<void> {
  const { mechanism, curve } = GENERATION[algorithm];
  const both = [
    { type: names.CKA_TOKEN, value: true },
    { type: names.CKA_ID, value: Buffer.from(id) },
    { type: names.CKA_LABEL, value: label },
  ];
  await calling(() =>
    module.C_GenerateKeyPairAsync(
      session,
      { mechanism },
      [
        ...both,
        { type: names.CKA_VERIFY, value: true },
        { type: names.CKA_EC_PARAMS, value: Buffer.from(curve, 'hex') },
      ],
      [
        ...both,
        { type: names.CKA_PRIVATE, value: true },
        { type: names.CKA_SIGN, value: true },
        { type: names.CKA_SENSITIVE, value: true },
        { type: names.CKA_EXTRACTABLE, value: false },
      ],
    ),
  );
}

/** A queue: a session does one thing at a time, and a failure ends only its own turn. */
function createTurns(): Turns {
  let last: Promise<unknown> = Promise.resolve();
  return async (work) => {
    const turn = last.then(work);
    last = turn.catch(() => undefined);
    return await turn;
  };
}
