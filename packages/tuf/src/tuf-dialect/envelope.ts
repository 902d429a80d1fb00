/** The file around a signed object (TUF 4.2.1): `{"signatures":[{"keyid","sig"}…],"signed":{…}}`. */
import { CanonicalJsonError, encodeCanonical, type JsonValue, parseJson } from '@vidimus/canonical-json';
import { CryptoError, fromHex, toHex } from '@vidimus/crypto';
import { z } from 'zod';
import { TufError } from '../errors.ts';
import { MAX_DEPTH, MAX_SIGNATURES, MAX_VALUES } from '../limits.ts';
import type { Envelope, Signature } from '../model.ts';
import { assertUniqueSignatures } from '../threshold.ts';
import { assertCount, malformed, read, readArray, readObject } from './shape.ts';

const signatureEntry = z.object({ keyid: z.string(), sig: z.string() });

/**
 * Splits a file; nothing in it is trusted yet.
 * @throws TufError MALFORMED or LIMIT
 */
export function open(bytes: Uint8Array, maxBytes: number): Envelope {
  const file = readObject(parseFile(bytes, maxBytes), 'file');
  for (const member of Object.keys(file)) {
    // Nobody signs what stands beside `signed`: it could be added on the way (attack T24). Entries of
    // `signatures` may have members of their own, some signers keep bundles there.
    if (member !== 'signed' && member !== 'signatures') throw malformed(member, 'unknown member of the file');
  }
  const signed = readObject(file['signed'], 'signed');
  const entries = readArray(file['signatures'], 'signatures');
  assertCount(entries.length, MAX_SIGNATURES, 'signatures');
  const signatures = entries.map(toSignature);
  assertUniqueSignatures(signatures);
  return { bytes, message: encodeCanonical(signed), signed, signatures };
}

/** The file that carries a canonical message and its signatures, in the order given. */
export function seal(message: Uint8Array, signatures: readonly Signature[]): Uint8Array {
  const entries = signatures.map(({ keyId, value }) => ({ keyid: keyId, sig: toHex(value) }));
  const head = new TextEncoder().encode(`{"signatures":${JSON.stringify(entries)},"signed":`);
  return concat([head, escapeControls(message), new TextEncoder().encode('}')]);
}

/**
 * A metadata file as strict JSON, integers alone.
 * @throws TufError MALFORMED or LIMIT
 */
export function parseFile(bytes: Uint8Array, maxBytes: number): JsonValue {
  try {
    return parseJson(bytes, { maxBytes, maxDepth: MAX_DEPTH, maxValues: MAX_VALUES });
  } catch (cause) {
    if (!(cause instanceof CanonicalJsonError)) throw cause;
    const overLimit = cause.code === 'SIZE' || cause.code === 'COUNT' || cause.code === 'DEPTH';
    throw new TufError(overLimit ? 'LIMIT' : 'MALFORMED', `not strict JSON: ${cause.message}`, {}, { cause });
  }
}

function toSignature(entry: JsonValue, index: number): Signature {
  const { keyid, sig } = read(signatureEntry, entry, `signatures.${index}`);
  return { keyId: keyid, value: bytesOfSignature(sig) };
}

/** Text that is no hex is a signature that does not verify, not a broken file: others may meet the threshold. */
function bytesOfSignature(sig: string): Uint8Array {
  try {
    return fromHex(sig);
  } catch (error) {
    if (error instanceof CryptoError) return new Uint8Array();
    throw error;
  }
}

/** The canonical form leaves control characters raw, JSON does not allow that; they occur only inside strings. */
function escapeControls(message: Uint8Array): Uint8Array {
  if (!message.some((byte) => byte < 0x20)) return message;
  const escaped = Array.from(message, (byte) =>
    byte < 0x20 ? [...`\\u${byte.toString(16).padStart(4, '0')}`].map((c) => c.charCodeAt(0)) : [byte],
  );
  return Uint8Array.from(escaped.flat());
}

function concat(parts: readonly Uint8Array[]): Uint8Array {
  const whole = new Uint8Array(parts.reduce((sum, part) => sum + part.length, 0));
  let at = 0;
  for (const part of parts) {
    whole.set(part, at);
    at += part.length;
  }
  return whole;
}
