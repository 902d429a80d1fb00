/** The signer's keys, each in a file of its own (`<key id>.json`), sealed by the signer's own master keys. */
import { join } from 'node:path';
import {
  createRootCertificate,
  fromHex,
  isSha256Hex,
  p256FromRandom,
  type Signer,
  toHex,
} from '@vidimus/crypto';
import {
  createPrivateFile,
  createWrappedKeyStore,
  KeyStoreError,
  type MadeAlgorithm,
  type MadeKey,
  type MasterKey,
  madeKeySchema,
  type PublicHalf,
  type Random,
  readPrivateFile,
  removePrivateFile,
  type WrappedKey,
} from '@vidimus/key-store';
import { ecdsaKeyObject, ed25519KeyObject, notaryDialect, x509KeyObject } from '@vidimus/notary';
import { type Key, tufDialect } from '@vidimus/tuf';
import { z } from 'zod';
import type { Place } from './document.ts';
import { SignerError } from './errors.ts';

const MAX_FILE_BYTES = 65_536;
/** As Notary clients make them. */
const CERTIFICATE_LIFETIME_MS = 3_650 * 86_400_000;
const SCALAR_BYTES = 48;
const SERIAL_BYTES = 16;

const fileSchema = madeKeySchema.extend({
  version: z.literal(1),
  masterFingerprint: z.string().regex(/^[0-9a-f]{16}$/),
  wrapped: z.string().regex(/^(?:[0-9a-f]{2}){1,10000}$/),
});

/** A key that the signer holds, and how to use it. */
export interface HomeKey {
  readonly made: MadeKey;
  /** @throws SignerError KEY_LOCKED or RECORD_UNUSABLE */
  open(): Promise<Signer>;
}

export interface KeyHome {
  /**
   * Makes a key for one place.
   * @param begin - called with its id before it can be found: a key without a record could not sign
   * @throws SignerError KEY_LOCKED or BODY_INVALID
   */
  make(
    place: Place,
    algorithm: MadeAlgorithm | undefined,
    begin: (keyId: string) => Promise<void>,
  ): Promise<MadeKey>;
  find(keyId: string): Promise<HomeKey | undefined>;
  /** The private key is gone when this returns. */
  destroy(keyId: string): Promise<void>;
}

export interface KeyHomeParts {
  readonly directory: string;
  readonly random: Random;
  /** Milliseconds since 1970. */
  readonly now: () => number;
  readonly master: MasterKey;
  /** Seals the keys of root; without it the signer goes on without them. */
  readonly rootMaster?: MasterKey;
}

export function createKeyHome(parts: KeyHomeParts): KeyHome {
  const { directory, random, now } = parts;
  const store = createWrappedKeyStore(parts);
  const pathOf = (keyId: string): string => join(directory, `${keyId}.json`);

  async function makeCertified(place: Place): Promise<{ readonly key: Key; readonly wrapped: WrappedKey }> {
    const pkcs8 = p256FromRandom(random(SCALAR_BYTES));
    try {
      const certificate = await createRootCertificate({
        commonName: place.repository,
        notBefore: now(),
        notAfter: now() + CERTIFICATE_LIFETIME_MS,
        serial: random(SERIAL_BYTES),
        pkcs8,
      });
      const key = notaryDialect.toKey(x509KeyObject(certificate));
      return { key, wrapped: await store.import(place, pkcs8, () => key.keyId) };
    } finally {
      pkcs8.fill(0);
    }
  }

  async function makePlain(
    place: Place,
    algorithm: MadeAlgorithm,
  ): Promise<{ readonly key: Key; readonly wrapped: WrappedKey }> {
    let key: Key | undefined;
    const wrapped = await store.generate(
      place,
      (half) => {
        key = toKey(place, half);
        return key.keyId;
      },
      algorithm,
    );
    if (key === undefined) throw new SignerError('INTERNAL', 'a key was made without an id');
    return { key, wrapped };
  }

  return {
    make: async (place, algorithm = 'ed25519', begin) => {
      const isCertified = place.dialect === 'notary' && place.role === 'root';
      const { key, wrapped } = await unlocked(() =>
        isCertified ? makeCertified(place) : makePlain(place, algorithm),
      );
      const made = madeKeySchema.parse({
        keyId: key.keyId,
        repository: place.repository,
        dialect: place.dialect,
        role: place.role,
        algorithm: wrapped.algorithm,
        publicHex: wrapped.publicHex,
        declared: key.declared,
        createdAt: wrapped.createdAt,
      });
      const file = {
        version: 1,
        ...made,
        masterFingerprint: wrapped.masterFingerprint,
        wrapped: toHex(wrapped.wrapped),
      };
      await begin(made.keyId);
      await createPrivateFile(pathOf(made.keyId), Buffer.from(`${JSON.stringify(file)}\n`), random);
      return made;
    },
    find: async (keyId) => {
      if (!isSha256Hex(keyId)) return undefined;
      const bytes = await readPrivateFile(pathOf(keyId), MAX_FILE_BYTES, 'refuse');
      if (bytes === undefined) return undefined;
      const { version: _, masterFingerprint, wrapped, ...made } = parseFile(bytes, keyId);
      const record: WrappedKey = { ...made, masterFingerprint, wrapped: fromHex(wrapped) };
      return { made, open: () => unlocked(() => store.open(record)) };
    },
    destroy: async (keyId) => {
      await removePrivateFile(pathOf(keyId));
      store.forget(keyId);
    },
  };
}

function toKey({ dialect }: Place, half: PublicHalf): Key {
  if (half.algorithm === 'ed25519') {
    return dialect === 'tuf'
      ? tufDialect.toKey({ keytype: 'ed25519', scheme: 'ed25519', keyval: { public: half.publicHex } })
      : notaryDialect.toKey(ed25519KeyObject(half.publicRaw));
  }
  if (dialect === 'notary') return notaryDialect.toKey(ecdsaKeyObject(half.spkiDer));
  throw new SignerError('BODY_INVALID', 'keys of the tuf dialect are made as ed25519 here');
}

function parseFile(bytes: Uint8Array, keyId: string): z.infer<typeof fileSchema> {
  try {
    const file = fileSchema.parse(JSON.parse(Buffer.from(bytes).toString('utf8')));
    if (file.keyId === keyId) return file;
  } catch (cause) {
    throw new SignerError('RECORD_UNUSABLE', 'the file of this key was altered', { keyId }, { cause });
  }
  throw new SignerError('RECORD_UNUSABLE', 'the file of this key is named after another', { keyId });
}

async function unlocked<T>(work: () => Promise<T>): Promise<T> {
  try {
    return await work();
  } catch (cause) {
    if (!(cause instanceof KeyStoreError)) throw cause;
    const code = cause.code === 'SIGNER_UNAVAILABLE' ? 'KEY_LOCKED' : 'RECORD_UNUSABLE';
    throw new SignerError(code, cause.message, {}, { cause });
  }
}
