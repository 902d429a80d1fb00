/**
 * A Notary server in memory that says what it is told, and repositories to put on it: made by the description of
 * the format, with keys that a trust directory can hold.
 */
import { createHash, createPrivateKey } from 'node:crypto';
import { mkdirSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { p256FromRandom, sha256Hex } from '@vidimus/crypto';
import { ecdsaKeyObject, keyIdOf } from '@vidimus/notary';
import {
  certifiedKey,
  DAY,
  edKey,
  NOW,
  rootOf,
  seal,
  snapshotOf,
  targetsOf,
  timestampOf,
  type WireKey,
} from '../packages/notary/update/wire-client.ts';
import { startServer, type TestServer } from './registry-server.ts';

export { NOW };

/** Path below `/v2/` -> file, or a status; `token` is the answer of a token server beside it. */
export type Files = Map<string, Uint8Array | number>;

export interface FakeNotary {
  readonly server: TestServer;
  readonly files: Files;
  /** Present: requests without this header get 401 with this challenge. */
  guard: { readonly challenge: string; readonly authorization: string } | undefined;
}

export async function startFakeNotary(): Promise<FakeNotary> {
  const files: Files = new Map();
  const fake: { guard: FakeNotary['guard'] } = { guard: undefined };
  const server = await startServer((request, response) => {
    const { guard } = fake;
    const token = files.get('token');
    if (request.url?.startsWith('/token') && typeof token === 'object') {
      response.writeHead(200).end(token);
      return;
    }
    if (guard !== undefined && request.headers.authorization !== guard.authorization) {
      response.writeHead(401, { 'www-authenticate': guard.challenge }).end();
      return;
    }
    const found =
      request.url === '/v2/' ? Buffer.from('{}') : files.get(decodeURI(request.url ?? '').slice(4));
    if (typeof found === 'object') response.writeHead(200).end(found);
    else response.writeHead(found ?? 404).end('{"errors":[]}');
  });
  return Object.assign(fake, { server, files });
}

/** A P-256 key that signs with a certificate for a repository, and whose file a trust directory can hold. */
export interface FiledKey {
  readonly key: WireKey;
  /** By which trust directories name it. */
  readonly canonicalId: string;
  readonly pkcs8: Uint8Array;
}

export async function filedRootKey(name: string, repository: string, notAfter?: number): Promise<FiledKey> {
  // As `certifiedKey` makes it from the name.
  const pkcs8 = p256FromRandom(createHash('sha384').update(name).digest());
  const key = await certifiedKey(name, repository, notAfter);
  return { key, pkcs8, canonicalId: canonicalIdOf(pkcs8) };
}

export function canonicalIdOf(pkcs8: Uint8Array): string {
  const certified = createPrivateKey({ key: Buffer.from(pkcs8), format: 'der', type: 'pkcs8' });
  const { x = '', y = '' } = certified.export({ format: 'jwk' });
  const point = Buffer.concat([Buffer.from([4]), Buffer.from(x, 'base64url'), Buffer.from(y, 'base64url')]);
  const prefix = Buffer.from('3059301306072a8648ce3d020106082a8648ce3d030107034200', 'hex');
  return keyIdOf(ecdsaKeyObject(Buffer.concat([prefix, point])));
}

/** Writes `private/<id>.key` as the clients do, encrypted where there is a passphrase; answers the path. */
export function fileKey(
  trustDirectory: string,
  { canonicalId, pkcs8 }: Pick<FiledKey, 'canonicalId' | 'pkcs8'>,
  about: { readonly role: string; readonly gun?: string; readonly passphrase?: string },
): string {
  const key = createPrivateKey({ key: Buffer.from(pkcs8), format: 'der', type: 'pkcs8' });
  const cipher =
    about.passphrase === undefined ? {} : { cipher: 'aes-256-cbc', passphrase: about.passphrase };
  const pem = key.export({ format: 'pem', type: 'pkcs8', ...cipher }).toString();
  const headers = `${about.gun === undefined ? '' : `gun: ${about.gun}\n`}role: ${about.role}\n\n`;
  const path = join(trustDirectory, 'private', `${canonicalId}.key`);
  mkdirSync(dirname(path), { recursive: true });
  writeFileSync(path, pem.replace('KEY-----\n', `KEY-----\n${headers}`), { mode: 0o600 });
  return path;
}

/** What `standOn` puts on a server. */
export interface Standing {
  readonly repository: string;
  /** One for each version of root, oldest first; the last one signs the newest. */
  readonly rootKeys: readonly FiledKey[];
  readonly targetsKey: WireKey;
  readonly signerKey: WireKey;
  /** By wire role: the bytes as served. */
  readonly documents: ReadonlyMap<string, Uint8Array>;
  /** Of every root, oldest first. */
  readonly roots: readonly Uint8Array[];
}

export interface StandingWish {
  readonly repository: string;
  readonly roots?: number;
  readonly targetsExpires?: string;
  readonly releasesExpires?: string;
  readonly certificateUntil?: number;
  readonly targetsKey?: WireKey;
}

/** A repository with a chain of roots, two tags of targets, one of `releases`, and a signer who never signed. */
export async function standOn(files: Files, wish: StandingWish): Promise<Standing> {
  const { repository, roots: count = 3, certificateUntil } = wish;
  const name = (role: string): string => `${role} of ${repository}`;
  const rootKeys = await Promise.all(
    Array.from({ length: count }, (_, index) =>
      filedRootKey(name(`root ${index + 1}`), repository, certificateUntil),
    ),
  );
  const targetsKey = wish.targetsKey ?? edKey(name('targets'));
  const signerKey = edKey(name('signer'));
  const [snapshotKey, timestampKey] = [edKey(name('snapshot')), edKey(name('timestamp'))];
  const roots = rootKeys.map(({ key }, index) => {
    const before = rootKeys[index - 1]?.key;
    const document = rootOf({
      version: index + 1,
      root: { keys: [key] },
      targets: { keys: [targetsKey] },
      snapshot: { keys: [snapshotKey] },
      timestamp: { keys: [timestampKey] },
    });
    return seal(document, ...(before === undefined ? [] : [before]), key);
  });
  const releases = seal(
    targetsOf({
      version: 4,
      targets: ['1.0', '2.0'],
      ...(wish.releasesExpires === undefined ? {} : { expires: wish.releasesExpires }),
    }),
    signerKey,
  );
  const targets = seal(
    targetsOf({
      version: 7,
      targets: ['1.0', 'edge'],
      ...(wish.targetsExpires === undefined ? {} : { expires: wish.targetsExpires }),
      delegations: [
        { name: 'targets/alice', keys: [signerKey] },
        { name: 'targets/releases', keys: [signerKey] },
      ],
    }),
    targetsKey,
  );
  const root = roots.at(-1) ?? new Uint8Array();
  const snapshot = seal(snapshotOf(17, { root, targets, 'targets/releases': releases }), snapshotKey);
  const timestamp = seal({ ...timestampOf(41, snapshot), expires: '2026-12-05T08:06:20Z' }, timestampKey);
  const documents = new Map([
    ['root', root],
    ['timestamp', timestamp],
    ['snapshot', snapshot],
    ['targets', targets],
    ['targets/releases', releases],
  ]);
  for (const [index, bytes] of roots.entries()) files.set(pathOf(repository, `${index + 1}.root`), bytes);
  for (const [role, bytes] of documents) {
    files.set(pathOf(repository, role), bytes);
    files.set(pathOf(repository, `${role}.${sha256Hex(bytes)}`), bytes);
  }
  return { repository, rootKeys, targetsKey, signerKey, documents, roots };
}

/** Where a document is served, below `/v2/`. */
export function pathOf(repository: string, name: string): string {
  return `${repository}/_trust/tuf/${name}.json`;
}

export { DAY };
