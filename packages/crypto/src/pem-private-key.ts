/** The one private key of a PEM file, with the headers that Docker and Notary write above it (RFC 1421 4.6). */
import { CryptoError } from './errors.ts';
import { fromPemBase64 } from './pem.ts';

const MAX_CHARACTERS = 65_536;
const MAX_HEADERS = 16;
const MAX_HEADER_CHARACTERS = 512;

/** PKCS#8 without and with encryption, and the two older forms. */
const LABELS = ['PRIVATE KEY', 'ENCRYPTED PRIVATE KEY', 'EC PRIVATE KEY', 'RSA PRIVATE KEY'] as const;

/** `openssl ecparam -genkey` writes the curve before the key, which names it, too. */
const CURVE_BLOCK = /^-----BEGIN EC PARAMETERS-----[A-Za-z0-9+/=\s]{1,200}-----END EC PARAMETERS-----/;

export interface PemPrivateKey {
  readonly label: (typeof LABELS)[number];
  /** By lower-case name. */
  readonly headers: ReadonlyMap<string, string>;
  readonly body: Uint8Array;
}

/** @throws CryptoError KEY_INVALID for anything but one private key */
export function parsePemPrivateKey(text: string): PemPrivateKey {
  if (text.length > MAX_CHARACTERS) throw refused('the file is too long');
  const block = text.replaceAll('\r\n', '\n').trim().replace(CURVE_BLOCK, '').trimStart();
  const label = LABELS.find((name) => block.startsWith(`-----BEGIN ${name}-----\n`));
  if (label === undefined) throw refused('it does not begin with one');
  const end = `\n-----END ${label}-----`;
  const content = block.slice(`-----BEGIN ${label}-----\n`.length, -end.length);
  if (!block.endsWith(end) || content.includes('-----'))
    throw refused('expected one key and nothing after it');
  const { headers, body } = splitHeaders(content);
  return { label, headers, body: fromPemBase64(body) };
}

/** Headers are there when the first line has a colon, which base64 has not; an empty line ends them. */
function splitHeaders(content: string): { headers: ReadonlyMap<string, string>; body: string } {
  const lines = content.split('\n');
  const headers = new Map<string, string>();
  if (lines[0]?.includes(':') !== true) return { headers, body: content };
  const end = lines.indexOf('');
  if (end < 0 || end > MAX_HEADERS) throw refused('its headers do not end');
  for (const line of lines.slice(0, end)) {
    const [, name, value] = /^([A-Za-z-]+):[ \t]*([^\p{Cc}]*)$/u.exec(line) ?? [];
    if (name === undefined || value === undefined || line.length > MAX_HEADER_CHARACTERS) {
      throw refused('a header is malformed');
    }
    if (headers.has(name.toLowerCase())) throw refused('a header is there twice');
    headers.set(name.toLowerCase(), value.trim());
  }
  return { headers, body: lines.slice(end).join('\n') };
}

function refused(why: string): CryptoError {
  return new CryptoError('KEY_INVALID', `not the PEM of a private key: ${why}`);
}
