/** The bytes of a wrapped key: the secret sealed by a data key of its own, and that one by a master key. */
import type { KeyObject } from 'node:crypto';
import { KeyStoreError } from './errors.ts';
import { draw, type KeyAlgorithm, type Random } from './key-store.ts';
import { associatedData, SEAL_OVERHEAD, seal, unseal } from './seal.ts';

const DATA_KEY_BYTES = 32;
/** version || sealed data key || sealed secret */
const DATA_KEY_END = 1 + DATA_KEY_BYTES + SEAL_OVERHEAD;
const SEED_BYTES = 32;
/** PKCS#8 of an RSA key of 8192 bits, with room. */
const MAX_SECRET_BYTES = 8192;

/** Version 1 holds an Ed25519 seed, version 2 the PKCS#8 of another key. */
const FORMATS = {
  seed: { version: 1, label: 'vidimus wrapped key v1', name: 'seed' },
  pkcs8: { version: 2, label: 'vidimus wrapped key v2', name: 'pkcs8' },
} as const;
type Format = (typeof FORMATS)[keyof typeof FORMATS];

/** What a wrapped key is bound to: it opens nowhere else. */
export interface KeyPlace {
  readonly keyId: string;
  readonly algorithm: KeyAlgorithm;
  readonly repository: string;
  readonly role: string;
  readonly dialect: string;
}

/** @throws KeyStoreError RANDOM_INVALID */
export function wrapSecret(
  master: KeyObject,
  secret: Uint8Array,
  place: KeyPlace,
  random: Random,
): Uint8Array {
  const format = formatOf(place);
  const dataKey = draw(random, DATA_KEY_BYTES);
  const sealedKey = seal(master, dataKey, layer(format, 'data key', place), random);
  const sealedSecret = seal(dataKey, secret, layer(format, format.name, place), random);
  dataKey.fill(0);
  return Uint8Array.of(format.version, ...sealedKey, ...sealedSecret);
}

/** The secret again; the caller wipes it. @throws KeyStoreError KEY_CORRUPT */
export function unwrapSecret(master: KeyObject, wrapped: Uint8Array, place: KeyPlace): Uint8Array {
  const format = formatOf(place);
  const secretBytes = wrapped.length - DATA_KEY_END - SEAL_OVERHEAD;
  const fits = format === FORMATS.seed ? secretBytes === SEED_BYTES : secretBytes <= MAX_SECRET_BYTES;
  if (!fits || wrapped[0] !== format.version) throw corrupt(place, 'is of an unknown format');
  const dataKey = unseal(master, wrapped.subarray(1, DATA_KEY_END), layer(format, 'data key', place));
  if (dataKey === undefined) throw corrupt(place, 'was altered, or belongs to another place');
  const secret = unseal(dataKey, wrapped.subarray(DATA_KEY_END), layer(format, format.name, place));
  dataKey.fill(0);
  if (secret === undefined) throw corrupt(place, 'was altered');
  return secret;
}

export function corrupt({ keyId, repository, role, dialect }: KeyPlace, what: string): KeyStoreError {
  return new KeyStoreError('KEY_CORRUPT', `the stored key ${what}`, { keyId, repository, role, dialect });
}

function formatOf({ algorithm }: KeyPlace): Format {
  return algorithm === 'ed25519' ? FORMATS.seed : FORMATS.pkcs8;
}

function layer({ label }: Format, name: string, place: KeyPlace): Uint8Array {
  const { keyId, algorithm, repository, role, dialect } = place;
  return associatedData(label, name, algorithm, keyId, repository, role, dialect);
}
