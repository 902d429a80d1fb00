/** How a key on a token is named: the URIs of RFC 7512, strictly, without a PIN in them. */
import { toHex } from '@vidimus/crypto';
import { KeyStoreError } from '../errors.ts';

const SCHEME = 'pkcs11:';
const MAX_URI_CHARACTERS = 4096;
const MAX_ID_BYTES = 128;

/** RFC 7512 section 2.3: what stands for itself in a path and in a query. */
const PATH_VALUE = /^(?:[A-Za-z0-9\-._~:[\]@!$'()*+,=&]|%[0-9A-Fa-f]{2})*$/;
const QUERY_VALUE = /^(?:[A-Za-z0-9\-._~:[\]@!$'()*+,=/?|]|%[0-9A-Fa-f]{2})*$/;

/** A key on a token, or a token; what is absent is not asked for. */
export interface Pkcs11Uri {
  readonly token?: string;
  readonly serial?: string;
  readonly manufacturer?: string;
  readonly model?: string;
  /** The label of the key. */
  readonly object?: string;
  /** CKA_ID of both halves of the key. */
  readonly id?: Uint8Array;
  /** The library that speaks to the token: code that this process will run. */
  readonly modulePath?: string;
  /** A file whose first line is the PIN. */
  readonly pinSource?: string;
}

/** Whether the text means a key on a token rather than a file. */
export function isPkcs11Uri(text: string): boolean {
  return text.toLowerCase().startsWith(SCHEME);
}

/**
 * Reads a URI. It comes from the operator: never from a server, for `module-path` names code to run.
 * @throws KeyStoreError URI_INVALID, for `pin-value` above all: a command line is readable by everybody
 * @see RFC 7512 section 2.3
 */
export function parsePkcs11Uri(text: string): Pkcs11Uri {
  if (!isPkcs11Uri(text)) throw invalid('a token is named by a URI that begins with pkcs11:');
  if (text.length > MAX_URI_CHARACTERS) throw invalid(`a URI has at most ${MAX_URI_CHARACTERS} characters`);
  const [path = '', ...queries] = text.slice(SCHEME.length).split('?');
  const uri: Writable<Pkcs11Uri> = {};
  const seen = new Set<string>();
  for (const [name, value] of attributes(path, ';', PATH_VALUE, seen)) readPath(uri, name, value);
  for (const [name, value] of attributes(queries.join('?'), '&', QUERY_VALUE, seen)) {
    readQuery(uri, name, value);
  }
  return uri;
}

/** The URI without what only one machine knows: module and PIN source stay behind. */
export function formatPkcs11Uri({ token, serial, manufacturer, model, object, id }: Pkcs11Uri): string {
  const texts: readonly (readonly [string, string | undefined])[] = [
    ['model', model],
    ['manufacturer', manufacturer],
    ['serial', serial],
    ['token', token],
  ];
  const written = texts.flatMap(([name, value]) =>
    value === undefined ? [] : [`${name}=${escaped(value)}`],
  );
  if (id !== undefined)
    written.push(`id=${[...id].map((byte) => `%${toHex(Uint8Array.of(byte))}`).join('')}`);
  if (object !== undefined) written.push(`object=${escaped(object)}`);
  return `${SCHEME}${written.join(';')}`;
}

type Writable<T> = { -readonly [K in keyof T]: T[K] };

function readPath(uri: Writable<Pkcs11Uri>, name: string, value: string): void {
  switch (name) {
    case 'token':
    case 'serial':
    case 'manufacturer':
    case 'model':
    case 'object':
      uri[name] = toText(name, value);
      return;
    case 'id':
      uri.id = toId(value);
      return;
    case 'type':
      if (value !== 'private') throw invalid(`type=${value} is no private key: leave it out`);
      return;
    default:
      throw invalid(`${name} is not understood here`);
  }
}

function readQuery(uri: Writable<Pkcs11Uri>, name: string, value: string): void {
  switch (name) {
    case 'module-path':
      uri.modulePath = toText(name, value);
      return;
    case 'pin-source':
      uri.pinSource = toFile(toText(name, value));
      return;
    case 'pin-value':
      throw invalid('a PIN in a URI can be read by everybody: name a file with pin-source');
    default:
      throw invalid(`${name} is not understood here`);
  }
}

function* attributes(
  text: string,
  separator: string,
  allowed: RegExp,
  seen: Set<string>,
): Iterable<readonly [name: string, value: string]> {
  if (text === '') return;
  for (const attribute of text.split(separator)) {
    const at = attribute.indexOf('=');
    const name = attribute.slice(0, Math.max(at, 0));
    const value = attribute.slice(at + 1);
    // Without the value: it may be a PIN.
    if (!/^[a-z][a-z0-9-]*$/.test(name)) throw invalid('every attribute is name=value');
    if (seen.has(name)) throw invalid(`${name} stands there twice`);
    seen.add(name);
    if (name !== 'pin-value' && !allowed.test(value)) {
      throw invalid(`${name} has characters that must be written as %XX`);
    }
    yield [name, value];
  }
}

function toText(name: string, value: string): string {
  try {
    const text = decodeURIComponent(value);
    if (text !== '' && !text.includes('\0')) return text;
  } catch (cause) {
    if (!(cause instanceof URIError)) throw cause;
  }
  throw invalid(`${name} is not text in UTF-8, or is empty`);
}

function toId(value: string): Uint8Array {
  const bytes = Buffer.from(
    value.replace(/%([0-9A-Fa-f]{2})/g, (_, hex: string) => String.fromCharCode(Number.parseInt(hex, 16))),
    'latin1',
  );
  if (bytes.length > 0 && bytes.length <= MAX_ID_BYTES) return new Uint8Array(bytes);
  throw invalid(`an id has 1 to ${MAX_ID_BYTES} bytes`);
}

/** RFC 7512 section 2.4 lets a source be a command, too: not here. */
function toFile(source: string): string {
  if (source.startsWith('|')) throw invalid('pin-source names a file, not a command');
  const path = source.replace(/^file:(?:\/\/(?=\/))?/, '');
  if (path === '' || /^[a-z][a-z0-9+.-]*:/i.test(path)) throw invalid('pin-source names a file');
  return path;
}

function escaped(text: string): string {
  return encodeURIComponent(text);
}

function invalid(message: string): KeyStoreError {
  return new KeyStoreError('URI_INVALID', message);
}
