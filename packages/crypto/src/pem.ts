/** PEM (RFC 7468): blocks of one label and nothing around them. */
import { CryptoError } from './errors.ts';

/** A leaf with its chain. */
const MAX_PEM_CHARACTERS = 65_536;

/**
 * DER of the one `PUBLIC KEY` block in a PEM text.
 * @throws CryptoError KEY_INVALID for another label (a private key, too), more blocks or text around it
 */
export function spkiOfPem(text: string): Uint8Array {
  const [der] = pemBlocks(text, 'PUBLIC KEY', 1);
  if (der === undefined) throw new CryptoError('KEY_INVALID', 'expected one PEM public key');
  return der;
}

/**
 * DER of each block.
 * @throws CryptoError KEY_INVALID for more than `max` blocks, another label, text around a block, or a body that is not base64
 */
export function pemBlocks(text: string, label: string, max: number): Uint8Array[] {
  if (text.length > MAX_PEM_CHARACTERS) throw new CryptoError('KEY_INVALID', 'the PEM text is too long');
  const begin = `-----BEGIN ${label}-----`;
  const end = `-----END ${label}-----`;
  const blocks: Uint8Array[] = [];
  let rest = text.trim();
  while (rest !== '') {
    if (blocks.length === max) throw new CryptoError('KEY_INVALID', `more than ${max} PEM blocks`);
    const stop = rest.indexOf(end);
    if (!rest.startsWith(begin) || stop < 0) throw new CryptoError('KEY_INVALID', `not PEM of a ${label}`);
    blocks.push(fromPemBase64(rest.slice(begin.length, stop)));
    rest = rest.slice(stop + end.length).trimStart();
  }
  return blocks;
}

/**
 * Bytes of a PEM body, which is base64 broken into lines.
 * @throws CryptoError KEY_INVALID
 */
export function fromPemBase64(body: string): Uint8Array {
  const base64 = body.replace(/[ \t\r\n]/g, '');
  const bytes = Buffer.from(base64, 'base64');
  if (base64 === '' || bytes.toString('base64') !== base64) {
    throw new CryptoError('KEY_INVALID', 'PEM with a body that is not base64');
  }
  return new Uint8Array(bytes);
}

/** One PEM block with lines of 64 characters and a line feed at its end. */
export function toPem(label: string, der: Uint8Array): string {
  const lines = Buffer.from(der)
    .toString('base64')
    .match(/.{1,64}/g);
  return `-----BEGIN ${label}-----\n${(lines ?? []).join('\n')}\n-----END ${label}-----\n`;
}
