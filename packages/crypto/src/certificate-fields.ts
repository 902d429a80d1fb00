/**
 * What the native reader of certificates does not tell without doubt, from the DER itself (RFC 5280 section 4.1):
 * which algorithm signed it, its common names, its dates, and whether it says that it is an authority.
 */
import {
  DER_BIT_STRING,
  DER_BOOLEAN,
  DER_INTEGER,
  DER_OBJECT_ID,
  DER_OCTET_STRING,
  DER_SEQUENCE,
  DER_SET,
  type DerElement,
  DerError,
  readDer,
  readDerElement,
  readDerRun,
} from './der.ts';
import { toHex } from './encoding.ts';

/** `unknown`: an algorithm that is none of ours; to be refused like `md5` and `sha1`. */
export type CertificateHash = 'md5' | 'sha1' | 'sha256' | 'sha384' | 'sha512' | 'unknown';

export interface CertificateFields {
  readonly signatureHash: CertificateHash;
  readonly subjectCommonName: string | undefined;
  readonly issuerCommonName: string | undefined;
  /** Milliseconds since 1970. */
  readonly notBefore: number;
  readonly notAfter: number;
  readonly isCa: boolean;
}

const SIGNATURES: ReadonlyMap<string, CertificateHash> = new Map([
  ['2a864886f70d010104', 'md5'], // 1.2.840.113549.1.1.4
  ['2a864886f70d010105', 'sha1'],
  ['2a864886f70d01010b', 'sha256'],
  ['2a864886f70d01010c', 'sha384'],
  ['2a864886f70d01010d', 'sha512'],
  ['2a8648ce3d0401', 'sha1'], // 1.2.840.10045.4.1
  ['2a8648ce3d040302', 'sha256'],
  ['2a8648ce3d040303', 'sha384'],
  ['2a8648ce3d040304', 'sha512'],
  ['2b6570', 'sha512'], // Ed25519
]);
const RSA_PSS = '2a864886f70d01010a';
const DIGESTS: ReadonlyMap<string, CertificateHash> = new Map([
  ['608648016503040201', 'sha256'], // 2.16.840.1.101.3.4.2.1
  ['608648016503040202', 'sha384'],
  ['608648016503040203', 'sha512'],
]);
const COMMON_NAME = '550403';
const BASIC_CONSTRAINTS = '551d13';

const VERSION_TAG = 0xa0;
const EXTENSIONS_TAG = 0xa3;
const UTC_TIME = 0x17;
const GENERALIZED_TIME = 0x18;
/** UTF8String, PrintableString and IA5String; other kinds of text give no common name. */
const TEXTS = new Set([0x0c, 0x13, 0x16]);

/** @throws DerError */
export function readCertificateFields(der: Uint8Array): CertificateFields {
  const parts = readDer(readDerElement(der, DER_SEQUENCE), [DER_SEQUENCE, DER_SEQUENCE, DER_BIT_STRING]);
  const [signed = new Uint8Array(), algorithm = new Uint8Array()] = parts;
  const elements = readDerRun(signed);
  const [, inner, issuer, validity, subject, , ...rest] =
    elements[0]?.tag === VERSION_TAG ? elements.slice(1) : elements;
  // RFC 5280 4.1.1.2: what is outside the signature must say the same as what is inside.
  if (toHex(contentOf(inner, DER_SEQUENCE)) !== toHex(algorithm)) throw new DerError('two algorithms');
  const [notBefore, notAfter] = readDerRun(contentOf(validity, DER_SEQUENCE)).map(readTime);
  if (notBefore === undefined || notAfter === undefined) throw new DerError('no dates');
  const extensions = rest.find(({ tag }) => tag === EXTENSIONS_TAG);
  return {
    signatureHash: hashOf(algorithm),
    issuerCommonName: readCommonName(contentOf(issuer, DER_SEQUENCE)),
    subjectCommonName: readCommonName(contentOf(subject, DER_SEQUENCE)),
    notBefore,
    notAfter,
    isCa: extensions !== undefined && readIsCa(readDerElement(extensions.content, DER_SEQUENCE)),
  };
}

function contentOf(element: DerElement | undefined, tag: number): Uint8Array {
  if (element?.tag !== tag) throw new DerError('unexpected element');
  return element.content;
}

function hashOf(algorithm: Uint8Array): CertificateHash {
  const [id, parameters] = readDerRun(algorithm);
  const name = toHex(contentOf(id, DER_OBJECT_ID));
  if (name !== RSA_PSS) return SIGNATURES.get(name) ?? 'unknown';
  // RFC 4055 3.1: the digest is element [0], and SHA-1 where there is none.
  const [first] = readDerRun(contentOf(parameters, DER_SEQUENCE));
  if (first?.tag !== 0xa0) return 'sha1';
  const [digest] = readDerRun(readDerElement(first.content, DER_SEQUENCE));
  return DIGESTS.get(toHex(contentOf(digest, DER_OBJECT_ID))) ?? 'unknown';
}

/** The one common name; undefined when there is none, or several, of which readers take different ones. */
function readCommonName(name: Uint8Array): string | undefined {
  const values = readDerRun(name)
    .flatMap((set) => readDerRun(contentOf(set, DER_SET)))
    .map((pair) => readDerRun(contentOf(pair, DER_SEQUENCE)))
    .filter(([id]) => id?.tag === DER_OBJECT_ID && toHex(id.content) === COMMON_NAME)
    .map(([, value]) => value);
  const [value] = values;
  if (value === undefined || values.length > 1 || !TEXTS.has(value.tag)) return undefined;
  const text = Buffer.from(value.content).toString('utf8');
  return Buffer.from(text, 'utf8').equals(value.content) ? text : undefined;
}

/** UTCTime means 1950 to 2049 (RFC 5280 4.1.2.5.1); both kinds to the second, in UTC. */
function readTime({ tag, content }: DerElement): number {
  const text = Buffer.from(content).toString('latin1');
  const year = Number(text.slice(0, 2)) < 50 ? `20${text}` : `19${text}`;
  const digits = tag === UTC_TIME ? year : tag === GENERALIZED_TIME ? text : '';
  const match = /^(\d{4})(\d\d)(\d\d)(\d\d)(\d\d)(\d\d)Z$/.exec(digits);
  if (match === null) throw new DerError('not a date');
  const iso = `${match[1]}-${match[2]}-${match[3]}T${match[4]}:${match[5]}:${match[6]}.000Z`;
  const time = Date.parse(iso);
  // The 31st of February is another day to each reader.
  if (Number.isNaN(time) || new Date(time).toISOString() !== iso) throw new DerError('no such date');
  return time;
}

function readIsCa(extensions: Uint8Array): boolean {
  const found = readDerRun(extensions)
    .map((extension) => readDerRun(contentOf(extension, DER_SEQUENCE)))
    .filter(([id]) => toHex(contentOf(id, DER_OBJECT_ID)) === BASIC_CONSTRAINTS);
  const [extension] = found;
  if (extension === undefined) return false;
  if (found.length > 1) throw new DerError('basic constraints twice');
  const [flag] = readDerRun(readDerElement(contentOf(extension.at(-1), DER_OCTET_STRING), DER_SEQUENCE));
  // Absent or a path length alone: not an authority.
  if (flag?.tag === DER_INTEGER || flag === undefined) return false;
  // DER has one spelling of true (X.690 11.1), and none of false, which is left out.
  if (toHex(contentOf(flag, DER_BOOLEAN)) !== 'ff') throw new DerError('not a DER boolean');
  return true;
}
