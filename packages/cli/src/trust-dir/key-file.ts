/**
 * A private key as Docker and notary keep it: a PEM block, usually encrypted, whose headers say what it is for.
 * Read here without opening it: the file's name is the key's id until the key itself says otherwise.
 */

export interface TrustKeyFile {
  readonly path: string;
  /** Hex, from the file's name: of the bare public key, never of a certificate. */
  readonly keyId: string;
  /** As on the wire: `root`, `targets`, `targets/alice`; absent where neither header nor name says. */
  readonly role?: string;
  /** The repository it is for; root keys serve any. */
  readonly gun?: string;
  readonly isEncrypted: boolean;
  readonly pem: string;
}

const namePattern = /^([0-9a-f]{64})(?:_([a-z][a-z0-9_/-]{0,62}))?\.key$/;
const blockPattern =
  /-----BEGIN ((?:EC |RSA |ED25519 )?(?:ENCRYPTED )?PRIVATE KEY)-----\r?\n([\s\S]*?)-----END \1-----/;
const headerPattern = /^([A-Za-z][A-Za-z0-9-]{0,31}):[ \t]*(.{0,1024})$/;
const maxHeaders = 32;
const maxGunCharacters = 255;

/**
 * @param parts components below `private/`: newer programs keep `<id>.key`, older ones `root_keys/<id>_root.key`
 *   and `tuf_keys/<gun>/<id>_<role>.key`
 * @returns why it is none, as text
 */
export function parseKeyFile(
  path: string,
  parts: readonly string[],
  bytes: Uint8Array,
): TrustKeyFile | string {
  const name = namePattern.exec(parts.at(-1) ?? '');
  if (name === null) return 'is not named after a key';
  const pem = Buffer.from(bytes).toString('latin1');
  const block = blockPattern.exec(pem);
  if (block === null) return 'holds no private key';
  const headers = headersOf(block[2] ?? '');
  if (headers === undefined) return 'has headers that cannot be read';
  const role = headers.get('role') ?? name[2] ?? (parts[0] === 'root_keys' ? 'root' : undefined);
  const gun = headers.get('gun') ?? gunOf(parts);
  if (gun !== undefined && gun.length > maxGunCharacters) return 'names a repository that is too long';
  return {
    path,
    keyId: name[1] ?? '',
    ...(role === undefined || role === '' ? {} : { role }),
    ...(gun === undefined || gun === '' ? {} : { gun }),
    isEncrypted: /ENCRYPTED/.test(block[1] ?? '') || headers.has('dek-info'),
    pem,
  };
}

/** RFC 1421 headers before the first blank line; undefined where one is none. The first of a name counts. */
function headersOf(body: string): ReadonlyMap<string, string> | undefined {
  const headers = new Map<string, string>();
  const end = body.search(/\r?\n\r?\n/);
  if (end === -1 || !/^[^\n]*:/.test(body)) return headers;
  for (const line of body.slice(0, end).split(/\r?\n/)) {
    const [, name, value] = headerPattern.exec(line) ?? [];
    if (name === undefined || value === undefined || headers.size >= maxHeaders) return undefined;
    const key = name.toLowerCase();
    if (!headers.has(key)) headers.set(key, value.trim());
  }
  return headers;
}

function gunOf(parts: readonly string[]): string | undefined {
  return parts[0] === 'tuf_keys' && parts.length > 2 ? parts.slice(1, -1).join('/') : undefined;
}
