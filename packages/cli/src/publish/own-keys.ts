/** Root keys on this machine: found again by their label, made where there are none. */
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { createRootCertificate, p256FromRandom, sha256Hex } from '@vidimus/crypto';
import { type ClientKey, createFileKeyStore, type FileKeyStore } from '@vidimus/key-store';
import { notaryDialect, x509KeyObject } from '@vidimus/notary';
import { type DialectName, type Key, tufDialect } from '@vidimus/tuf';
import { keysDirectory } from '../client/client-paths.ts';
import type { Context } from '../context.ts';
import { createPassphrases } from './person.ts';
import { ed25519KeyObject } from './public-key-file.ts';

/** What a root key made here is for. The spare has the same power and is kept offline. */
export type RootKeyUse = 'root' | 'spare';

export interface OwnKey {
  readonly use: RootKeyUse;
  readonly dialect: DialectName;
  readonly held: ClientKey;
  readonly key: Key;
  /** Where its file is. */
  readonly file: string;
  /** Where its certificate is, in the dialect `notary`. */
  readonly certificateFile?: string;
}

/** Labels longer than this are refused by the key store. */
const maxLabelCharacters = 128;
/** As Notary clients make them, and as the service does. */
const certificateLifetimeMs = 3_650 * 86_400_000;
const scalarBytes = 48;
const serialBytes = 16;

/** The keys of `$VIDIMUS_KEYS`. */
export function openKeys(context: Context): FileKeyStore {
  const { environment, random, now } = context.world;
  const passphrase = createPassphrases(context);
  return createFileKeyStore({ directory: keysDirectory(environment), passphrase, random, now });
}

/**
 * The root keys made here for a repository in one dialect, one for each use. One that is there already is used
 * again: a command that was interrupted must not leave keys behind that nobody knows.
 */
export async function ownRootKeys(
  context: Context,
  store: FileKeyStore,
  repository: string,
  dialect: DialectName,
  uses: readonly RootKeyUse[],
): Promise<readonly OwnKey[]> {
  const present = await store.list();
  const keys: OwnKey[] = [];
  for (const use of uses) {
    const label = labelOf(use, dialect, repository);
    context.terminal.progress(`making the ${use} key of ${repository} ...`);
    const held =
      present.find((key) => key.label === label) ??
      (dialect === 'tuf'
        ? await store.generate({ label }, ({ publicHex }) => toTufKey(publicHex).keyId)
        : await makeCertified(context, store, repository, label));
    keys.push(toOwnKey(context, use, held));
  }
  return keys;
}

/** A key of the store as a root key; one with a certificate is of the dialect `notary`. */
export function toOwnKey(context: Context, use: RootKeyUse, held: ClientKey): OwnKey {
  const path = join(keysDirectory(context.world.environment), held.keyId);
  const { certificate, publicHex } = held;
  const own = { use, held, file: `${path}.key` };
  if (certificate === undefined) return { ...own, dialect: 'tuf', key: toTufKey(publicHex) };
  // For others, who name it with --root-key or pin it: it holds nothing that is secret.
  writeFileSync(`${path}.crt`, certificate, { mode: 0o600 });
  return { ...own, dialect: 'notary', key: toNotaryKey(certificate), certificateFile: `${path}.crt` };
}

/** A P-256 key with a certificate of its own for this repository: what Notary clients take for a root key. */
export async function makeCertified(
  { world }: Context,
  store: FileKeyStore,
  repository: string,
  label: string,
): Promise<ClientKey> {
  const pkcs8 = p256FromRandom(world.random(scalarBytes));
  try {
    const certificate = await createRootCertificate({
      commonName: repository,
      notBefore: world.now(),
      notAfter: world.now() + certificateLifetimeMs,
      serial: world.random(serialBytes),
      pkcs8,
    });
    return await store.import({ label, certificate }, pkcs8, () => toNotaryKey(certificate).keyId);
  } finally {
    pkcs8.fill(0);
  }
}

function toTufKey(publicHex: string): Key {
  return tufDialect.toKey(ed25519KeyObject(publicHex));
}

function toNotaryKey(certificate: string): Key {
  return notaryDialect.toKey(x509KeyObject(certificate));
}

function labelOf(use: RootKeyUse, dialect: DialectName, repository: string): string {
  const what = dialect === 'tuf' ? 'root of ' : 'notary root of ';
  const prefix = use === 'root' ? what : `spare ${what}`;
  const label = `${prefix}${repository}`;
  if (label.length <= maxLabelCharacters) return label;
  return `${prefix}sha256:${sha256Hex(new TextEncoder().encode(repository))}`;
}
