/** Content digests as registries write them: `algorithm:hex`, lower case. */
import { quote, ReferenceFormatError } from './errors.ts';

const SHA256_DIGEST = /^sha256:[0-9a-f]{64}$/;
const SHA512_DIGEST = /^sha512:[0-9a-f]{128}$/;

const PREFIX_LENGTH = 'sha256:'.length;

/** A digest split at its colon; `hex` is lower case and as long as the algorithm makes it. */
export interface Digest {
  readonly algorithm: 'sha256' | 'sha512';
  readonly hex: string;
}

/** Whether the text is `sha256:<64 hex>` or `sha512:<128 hex>`, lower case. */
export function isDigest(text: string): boolean {
  return SHA256_DIGEST.test(text) || SHA512_DIGEST.test(text);
}

/**
 * Splits a digest into algorithm and hex.
 *
 * @throws ReferenceFormatError DIGEST_INVALID
 */
export function parseDigest(text: string): Digest {
  if (SHA256_DIGEST.test(text)) return { algorithm: 'sha256', hex: text.slice(PREFIX_LENGTH) };
  if (SHA512_DIGEST.test(text)) return { algorithm: 'sha512', hex: text.slice(PREFIX_LENGTH) };
  throw new ReferenceFormatError(
    'DIGEST_INVALID',
    `${quote(text)} is not sha256:<64 lower-case hex> or sha512:<128 lower-case hex>`,
  );
}
