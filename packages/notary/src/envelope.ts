/**
 * The file around a signed object: `{"signed":{…},"signatures":[{"keyid","method","sig"}…]}`. Signatures are made
 * over the canonical form of what `signed` parses to; on the wire Go also escapes what HTML could misread.
 */
import { encodeCanonical, type JsonValue } from '@vidimus/canonical-json';
import { type SignatureScheme, toBase64 } from '@vidimus/crypto';
import {
  assertCount,
  type Envelope,
  MAX_SIGNATURES,
  malformed,
  parseFile,
  readArray,
  readObject,
  readString,
  type Signature,
} from '@vidimus/tuf';
import { readBase64 } from './hashes.ts';
import { methodOf } from './key-entry.ts';

/**
 * Splits a file; nothing in it is trusted yet. The signed message is made from the parsed object, whatever its
 * spelling was, because that is what the clients do: a file signed in another spelling verifies for nobody.
 * @throws TufError MALFORMED or LIMIT
 */
export function open(bytes: Uint8Array, maxBytes: number): Envelope {
  const file = readObject(parseFile(bytes, maxBytes), 'file');
  for (const member of Object.keys(file)) {
    // Nobody signs what stands beside `signed` (attack T24), and Go would take `Signed` for `signed`.
    if (member !== 'signed' && member !== 'signatures') throw malformed(member, 'unknown member of the file');
  }
  const signed = readObject(file['signed'], 'signed');
  const entries = readArray(file['signatures'] ?? [], 'signatures');
  assertCount(entries.length, MAX_SIGNATURES, 'signatures');
  return {
    bytes,
    message: encodeCanonical(signed),
    signed,
    signatures: entries.map(readSignature),
    allowsRepeatedSigners: true,
  };
}

/**
 * The file that carries a canonical message and its signatures, byte for byte as the Go clients write it.
 * @throws TufError MALFORMED for a signature without method: make it with `toSignature`
 */
export function seal(message: Uint8Array, signatures: readonly Signature[]): Uint8Array {
  const entries = signatures.map(({ keyId, value, method }) => {
    if (method === undefined) throw malformed('signatures', `the signature by ${keyId} names no method`);
    return { keyid: keyId, method, sig: toBase64(value) };
  });
  const signed = new TextDecoder().decode(message);
  return new TextEncoder().encode(
    escapeForWire(`{"signed":${signed},"signatures":${JSON.stringify(entries)}}`),
  );
}

/** A signature made by a key that signs with `scheme`. @throws TufError MALFORMED for a scheme of other dialects */
export function toSignature(keyId: string, scheme: SignatureScheme, value: Uint8Array): Signature {
  return { keyId, value, method: methodOf(scheme) };
}

function readSignature(entry: JsonValue, index: number): Signature {
  const at = `signatures.${index}`;
  const { keyid, method, sig } = readObject(entry, at);
  return {
    keyId: readString(keyid, `${at}.keyid`),
    value: readBase64(sig, `${at}.sig`),
    // The clients mind no case here. Without a method no key fits.
    method: readString(method ?? '', `${at}.method`).toLowerCase(),
  };
}

/** All of these occur in strings alone; control characters stand raw in the canonical form, where JSON forbids them. */
function escapeForWire(text: string): string {
  return text.replace(
    /[<>&\u2028\u2029\u0000-\u001f]/g,
    (character) => `\\u${character.charCodeAt(0).toString(16).padStart(4, '0')}`,
  );
}
