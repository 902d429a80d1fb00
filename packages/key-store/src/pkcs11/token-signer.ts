/** A signer whose private key never leaves its token; what the token makes is verified before it goes on. */
import { createHash } from 'node:crypto';
import {
  CryptoError,
  type PublicKey,
  type SignatureScheme,
  type Signer,
  toPublicKey,
  usualScheme,
} from '@vidimus/crypto';
import { KeyStoreError } from '../errors.ts';
import { calling } from './library.ts';
import type { TokenKey } from './objects.ts';
import type { Token } from './token.ts';

/** PKCS #11 3.0 section 2.3.14; the binding has no name for it. */
const CKM_EDDSA = 0x1057;
/** r || s of P-256, and an Ed25519 signature. */
const SIGNATURE_BYTES = 64;

/** Runs one after the other what the session can only do one at a time. */
export type Turns = <T>(work: () => Promise<T>) => Promise<T>;

/**
 * The signer of a key on a token.
 * @throws KeyStoreError SCHEME_MISMATCH
 */
export function tokenSigner(
  token: Token,
  key: TokenKey,
  inTurn: Turns,
  scheme: SignatureScheme = usualScheme(key.publicHalf.algorithm === 'ed25519' ? 'ed25519' : 'p256'),
): Signer {
  const publicKey = admit(key, scheme);
  return {
    scheme,
    publicKey,
    sign: async (message) => {
      const raw = await inTurn(() => signOnToken(token, key, message));
      const signature = scheme === 'ecdsa-sha2-nistp256' ? toDer(raw) : raw;
      // The private half may be of another pair than the public one beside it, and hardware fails.
      if (raw.length === SIGNATURE_BYTES && publicKey.verify(message, signature)) return signature;
      throw new KeyStoreError('SIGNATURE_WRONG', 'the token made a signature that its public key refuses', {
        token: token.label,
      });
    },
  };
}

async function signOnToken(
  { library: { names, module }, session }: Token,
  { handle, publicHalf }: TokenKey,
  message: Uint8Array,
): Promise<Uint8Array> {
  const isEdwards = publicHalf.algorithm === 'ed25519';
  const mechanism = isEdwards ? CKM_EDDSA : names.CKM_ECDSA;
  // CKM_ECDSA takes a digest: not every token has the variant that hashes.
  const data = isEdwards ? Buffer.from(message) : createHash('sha256').update(message).digest();
  return await calling(async () => {
    module.C_SignInit(session, { mechanism }, handle);
    return new Uint8Array(await module.C_SignAsync(session, data, Buffer.alloc(2 * SIGNATURE_BYTES)));
  });
}

function admit({ publicHalf: { spkiDer } }: TokenKey, scheme: SignatureScheme): PublicKey {
  try {
    return toPublicKey({ format: 'spki-der', bytes: spkiDer }, scheme);
  } catch (cause) {
    if (!(cause instanceof CryptoError)) throw cause;
    throw new KeyStoreError('SCHEME_MISMATCH', cause.message, { scheme }, { cause });
  }
}

/** Ecdsa-Sig-Value of RFC 3279 section 2.2.3, from r || s. */
function toDer(rs: Uint8Array): Uint8Array {
  const half = rs.length / 2;
  const body = [...toInteger(rs.slice(0, half)), ...toInteger(rs.slice(half))];
  return Uint8Array.of(0x30, body.length, ...body);
}

function toInteger(bytes: Uint8Array): readonly number[] {
  const first = bytes.findIndex((byte) => byte !== 0);
  const digits = first < 0 ? [0] : [...bytes.slice(first)];
  const positive = (digits[0] ?? 0) >= 0x80 ? [0, ...digits] : digits;
  return [0x02, positive.length, ...positive];
}
