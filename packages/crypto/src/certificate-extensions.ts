/** The X.509 extensions that our certificates carry (RFC 5280 section 4.2.1). */
import { bits, element, objectId, octets, positive, sequence } from './der-writer.ts';
import { sha256 } from './digest.ts';

const TRUE = element(0x01, Uint8Array.of(0xff));

/** Bits of KeyUsage, the first being the highest (4.2.1.3). */
const KEY_USAGES = { digitalSignature: 0x80, keyEncipherment: 0x20, keyCertSign: 0x04 } as const;
const EXTENDED_USAGES = { serverAuth: '2b06010505070301', codeSigning: '2b06010505070303' } as const;

export function keyUsage(...usages: readonly (keyof typeof KEY_USAGES)[]): Uint8Array {
  const byte = usages.reduce((sum, usage) => sum | KEY_USAGES[usage], 0);
  return critical('551d0f', bits(Uint8Array.of(byte), 31 - Math.clz32(byte & -byte)));
}

export function extendedKeyUsage(usage: keyof typeof EXTENDED_USAGES): Uint8Array {
  return plain('551d25', sequence(objectId(EXTENDED_USAGES[usage])));
}

/** `false`: no authority. A path length: an authority with that many authorities below it. */
export function basicConstraints(pathLength: number | false): Uint8Array {
  const content = pathLength === false ? [] : [TRUE, positive(Uint8Array.of(pathLength))];
  return critical('551d13', sequence(...content));
}

export function subjectKeyId(spkiDer: Uint8Array): Uint8Array {
  return plain('551d0e', octets(keyIdentifier(spkiDer)));
}

export function authorityKeyId(spkiDer: Uint8Array): Uint8Array {
  return plain('551d23', sequence(element(0x80, keyIdentifier(spkiDer))));
}

/** DNS names as text, IP addresses as 4 or 16 bytes. */
export function subjectAltName(names: readonly string[], addresses: readonly Uint8Array[]): Uint8Array {
  const dns = names.map((name) => element(0x82, Buffer.from(name, 'latin1')));
  return plain('551d11', sequence(...dns, ...addresses.map((address) => element(0x87, address))));
}

/** Any 20 bytes that the key determines (RFC 7093 section 2, method 4). */
function keyIdentifier(spkiDer: Uint8Array): Uint8Array {
  return sha256(spkiDer).slice(0, 20);
}

function plain(id: string, content: Uint8Array): Uint8Array {
  return sequence(objectId(id), octets(content));
}

function critical(id: string, content: Uint8Array): Uint8Array {
  return sequence(objectId(id), TRUE, octets(content));
}
