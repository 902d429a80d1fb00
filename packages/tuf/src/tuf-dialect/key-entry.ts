/** Key objects of the `tuf` dialect (TUF 4.2, "public keys"): id, and the usable key where there is one. */
import { CanonicalJsonError, encodeCanonical, type JsonObject } from '@vidimus/canonical-json';
import {
  CryptoError,
  fromHex,
  type PublicKey,
  type PublicKeyInput,
  type SignatureScheme,
  sha256Hex,
  toPublicKey,
} from '@vidimus/crypto';
import { z } from 'zod';
import type { Key } from '../model.ts';
import { malformed, object, read } from './shape.ts';

const keyObject = z.object({ keytype: z.string(), scheme: z.string(), keyval: object });
const keyValue = z.object({ public: z.string() });

interface Form {
  readonly scheme: SignatureScheme;
  readonly toInput: (publicText: string) => PublicKeyInput;
}

const p256: Form = { scheme: 'ecdsa-sha2-nistp256', toInput: pemOrPoint };
const p384: Form = { scheme: 'ecdsa-sha2-nistp384', toInput: pemOrPoint };

/**
 * Key type and scheme must fit each other; neither is ever taken from a signature (Notary CVE-2015-9258).
 * Key types named like a scheme, and points in hex, are legacy that old roots of Sigstore carry.
 */
const forms: ReadonlyMap<string, Form> = new Map([
  [
    'ed25519/ed25519',
    { scheme: 'ed25519', toInput: (hex) => ({ format: 'ed25519-raw', bytes: fromHex(hex) }) },
  ],
  ['ecdsa/ecdsa-sha2-nistp256', p256],
  ['ecdsa-sha2-nistp256/ecdsa-sha2-nistp256', p256],
  ['ecdsa/ecdsa-sha2-nistp384', p384],
  ['ecdsa-sha2-nistp384/ecdsa-sha2-nistp384', p384],
  [
    'rsa/rsassa-pss-sha256',
    { scheme: 'rsassa-pss-sha256', toInput: (text) => ({ format: 'spki-pem', text }) },
  ],
]);

/**
 * Reads a key object. The id is the SHA-256 of its canonical form, members that nobody knows included.
 * @param at place in the document, for errors
 * @throws TufError MALFORMED
 */
export function toTufKey(declared: JsonObject, at = 'key'): Key {
  const { keytype, scheme, keyval } = read(keyObject, declared, at);
  const { public: publicText } = read(keyValue, keyval, `${at}.keyval`);
  const form = forms.get(`${keytype}/${scheme}`);
  let admitted: { readonly key: PublicKey | undefined } | undefined;
  return {
    keyId: idOf(declared, at),
    declared,
    // Admission costs up to a millisecond: a file with thousands of keys must not make a reader pay for all.
    get usable(): PublicKey | undefined {
      admitted ??= { key: form && admit(form, publicText) };
      return admitted.key;
    },
  };
}

function idOf(declared: JsonObject, at: string): string {
  try {
    return sha256Hex(encodeCanonical(declared));
  } catch (error) {
    if (error instanceof CanonicalJsonError) throw malformed(at, error.message);
    throw error;
  }
}

function admit(form: Form, publicText: string): PublicKey | undefined {
  try {
    return toPublicKey(form.toInput(publicText), form.scheme);
  } catch (error) {
    if (error instanceof CryptoError) return undefined;
    throw error;
  }
}

function pemOrPoint(text: string): PublicKeyInput {
  if (text.startsWith('-----BEGIN')) return { format: 'spki-pem', text };
  return { format: 'ec-point', bytes: fromHex(text) };
}
