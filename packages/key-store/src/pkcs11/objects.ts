/** Key pairs on a token: the private half found by id, the public half beside it read, judged and compared. */
import { CryptoError, type PublicKey, toHex, toPublicKey } from '@vidimus/crypto';
import type { Handle } from 'pkcs11js';
import { KeyStoreError } from '../errors.ts';
import type { MadeAlgorithm, PublicHalf } from '../key-store.ts';
import { calling } from './library.ts';
import type { Token } from './token.ts';
import type { Pkcs11Uri } from './uri.ts';

const MAX_OBJECTS = 1024;

/** CKK_EC and CKK_EC_EDWARDS; PKCS #11 3.0, which the binding has no names for. */
const ALGORITHM_OF: ReadonlyMap<number, MadeAlgorithm> = new Map([
  [0x03, 'ecdsa-p256'],
  [0x40, 'ed25519'],
]);

/** CKA_EC_PARAMS: the curve's object identifier, or its name (PKCS #11 3.0 section 2.3.10). */
const CURVES: Readonly<Record<MadeAlgorithm, readonly string[]>> = {
  'ecdsa-p256': ['06082a8648ce3d030107'],
  ed25519: ['06032b6570', '130c656477617264733235353139', '06092b06010401da470f01'],
};

/** A private key with its public half, as the token has them. */
export interface TokenKey {
  readonly handle: Handle;
  readonly id: Uint8Array;
  readonly label: string;
  readonly publicHalf: PublicHalf;
  /** Whether the token would hand the private half out. */
  readonly extractable: boolean;
}

/**
 * The key pairs that are as the URI says. Those of other algorithms, without an id or without a public half are left
 * out.
 * @throws KeyStoreError TOKEN_UNAVAILABLE or KEY_AMBIGUOUS: one id, several public halves
 */
export async function findKeys(token: Token, uri: Pkcs11Uri): Promise<readonly TokenKey[]> {
  const { names } = token.library;
  const keys: TokenKey[] = [];
  for (const handle of await find(token, names.CKO_PRIVATE_KEY, uri)) {
    const [id, label, keyType] = await read(token, handle, [
      names.CKA_ID,
      names.CKA_LABEL,
      names.CKA_KEY_TYPE,
    ]);
    const algorithm = keyType && ALGORITHM_OF.get(toNumber(keyType));
    if (algorithm === undefined || id === undefined || id.length === 0) continue;
    const publicHalf = await findPublicHalf(token, id, algorithm);
    if (publicHalf === undefined) continue;
    const extractable = await isExtractable(token, handle);
    keys.push({ handle, id, label: Buffer.from(label ?? []).toString('utf8'), publicHalf, extractable });
  }
  return keys;
}

/** Whether the token has a private key of this id or label. */
export async function hasKey(token: Token, uri: Pkcs11Uri): Promise<boolean> {
  return (await find(token, token.library.names.CKO_PRIVATE_KEY, uri)).length > 0;
}

async function findPublicHalf(
  token: Token,
  id: Uint8Array,
  algorithm: MadeAlgorithm,
): Promise<PublicHalf | undefined> {
  const { names } = token.library;
  const halves = new Map<string, PublicHalf>();
  for (const handle of await find(token, names.CKO_PUBLIC_KEY, { id })) {
    const [params, point] = await read(token, handle, [names.CKA_EC_PARAMS, names.CKA_EC_POINT]);
    if (params === undefined || point === undefined) continue;
    if (!CURVES[algorithm].includes(toHex(params))) continue;
    const half = toPublicHalf(algorithm, point);
    if (half !== undefined) halves.set(half.publicHex, half);
  }
  if (halves.size > 1) {
    throw new KeyStoreError('KEY_AMBIGUOUS', `id ${toHex(id)} has ${halves.size} public keys`, {
      id: toHex(id),
    });
  }
  return [...halves.values()][0];
}

/** CKA_EC_POINT is an OCTET STRING around the point; some modules leave it out. */
function toPublicHalf(algorithm: MadeAlgorithm, point: Uint8Array): PublicHalf | undefined {
  const bytes = point[0] === 4 && point[1] === point.length - 2 ? point.slice(2) : point;
  try {
    if (algorithm === 'ed25519') {
      const { spkiDer } = toPublicKey({ format: 'ed25519-raw', bytes }, 'ed25519');
      return { algorithm, publicHex: toHex(bytes), publicRaw: bytes, spkiDer };
    }
    const key: PublicKey = toPublicKey({ format: 'ec-point', bytes }, 'ecdsa-sha2-nistp256');
    return { algorithm, publicHex: toHex(key.spkiDer), spkiDer: key.spkiDer };
  } catch (error) {
    if (error instanceof CryptoError) return undefined;
    throw error;
  }
}

/** A token that does not say so is taken to hand keys out. */
async function isExtractable(token: Token, handle: Handle): Promise<boolean> {
  const { names } = token.library;
  const [extractable, sensitive] = await read(token, handle, [names.CKA_EXTRACTABLE, names.CKA_SENSITIVE]);
  return extractable?.[0] !== 0 || sensitive?.[0] !== 1;
}

async function find(
  { library: { names, module }, session }: Token,
  kind: number,
  { id, object }: Pkcs11Uri,
): Promise<readonly Handle[]> {
  return await calling(() => {
    module.C_FindObjectsInit(session, [
      { type: names.CKA_CLASS, value: kind },
      ...(id === undefined ? [] : [{ type: names.CKA_ID, value: Buffer.from(id) }]),
      ...(object === undefined ? [] : [{ type: names.CKA_LABEL, value: object }]),
    ]);
    try {
      return module.C_FindObjects(session, MAX_OBJECTS);
    } finally {
      module.C_FindObjectsFinal(session);
    }
  });
}

/** Attributes in the order asked for; one that the token does not tell is undefined. */
async function read(
  { library: { module }, session }: Token,
  handle: Handle,
  types: readonly number[],
): Promise<readonly (Uint8Array | undefined)[]> {
  return await Promise.all(
    types.map(async (type) => {
      try {
        const [attribute] = await calling(() => module.C_GetAttributeValue(session, handle, [{ type }]));
        return attribute && new Uint8Array(attribute.value);
      } catch (error) {
        if (!(error instanceof KeyStoreError) || !isUntold(error)) throw error;
        return undefined;
      }
    }),
  );
}

function isUntold({ detail }: KeyStoreError): boolean {
  return detail['value'] === 'CKR_ATTRIBUTE_TYPE_INVALID' || detail['value'] === 'CKR_ATTRIBUTE_SENSITIVE';
}

/** A CK_ULONG as this machine writes it. */
function toNumber(bytes: Uint8Array): number {
  return [...bytes].reverse().reduce((value, byte) => value * 256 + byte, 0);
}
