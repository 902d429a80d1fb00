/** A publisher on the Notary wire as fast as the machine: files signed in this process, sent as clients send them. */
import { createHash, createPrivateKey, sign } from 'node:crypto';
import { encodeCanonical } from '@vidimus/canonical-json';
import { createRootCertificate, p256FromRandom, sha256, sha256Hex, toBase64 } from '@vidimus/crypto';
import { z } from 'zod';
import { edKey, rootOf, seal, targetsOf, type WireKey } from '../../packages/notary/update/wire-client.ts';

const callMs = 30_000;
const yearMs = 31_536_000_000;

export interface WireReply {
  readonly status: number;
  readonly body: Buffer;
}

/** One repository whose root and targets keys are here, and whose snapshot and timestamp the server signs. */
export interface WireRepository {
  readonly repository: string;
  /** Key ids that may sign its snapshot and timestamp: all that the server ever gave. */
  readonly servedKeyIds: ReadonlySet<string>;
  readonly rootKeyId: string;
  /** PKCS#8 (DER) of the root key, to sign something else with. */
  readonly rootKey: Uint8Array;
  /** Asks for the server's keys and uploads root 1 and targets 1. */
  create(names: readonly string[]): Promise<WireReply>;
  /** Uploads the next targets. */
  publish(version: number, names: readonly string[]): Promise<WireReply>;
  delete(): Promise<WireReply>;
  /** @param file - what comes after `/_trust/tuf/` */
  get(file: string): Promise<WireReply>;
}

export interface WirePublisherOptions {
  readonly url: string;
  readonly repository: string;
  /** Value of `Authorization` on writes; reads go without. */
  readonly authorization: string;
}

const keySchema = z.object({ keytype: z.string(), keyval: z.object({ public: z.string() }) });

export async function createWireRepository(options: WirePublisherOptions): Promise<WireRepository> {
  const { url, repository, authorization } = options;
  const base = `${url}/v2/${repository}/_trust/tuf/`;
  const { pkcs8, ...rootKey } = await makeRootKey(repository);
  const targetsKey = edKey(`targets of ${repository}`);
  const servedKeyIds = new Set<string>();
  const expires = new Date(Date.now() + yearMs).toISOString();

  const call = async (method: string, path: string, body?: FormData): Promise<WireReply> => {
    const answer = await fetch(`${base}${path}`, {
      method,
      headers: method === 'GET' && !path.endsWith('.key') ? {} : { authorization },
      ...(body === undefined ? {} : { body }),
      signal: AbortSignal.timeout(callMs),
    });
    return { status: answer.status, body: Buffer.from(await answer.arrayBuffer()) };
  };
  const upload = (files: Readonly<Record<string, Uint8Array>>): Promise<WireReply> => {
    const form = new FormData();
    for (const [role, bytes] of Object.entries(files)) {
      form.append('files', new Blob([Buffer.from(bytes)], { type: 'application/octet-stream' }), role);
    }
    return call('POST', '', form);
  };
  const servedKey = async (role: string): Promise<WireKey | WireReply> => {
    const reply = await call('GET', `${role}.key`);
    if (reply.status !== 200) return reply;
    const { keytype, keyval } = keySchema.parse(JSON.parse(reply.body.toString('utf8')));
    const key = toServedKey(keytype, keyval.public);
    servedKeyIds.add(key.keyId);
    return key;
  };
  const targets = (version: number, names: readonly string[]): Uint8Array =>
    seal(targetsOf({ version, expires, targets: names }), targetsKey);
  return {
    repository,
    servedKeyIds,
    rootKeyId: rootKey.keyId,
    rootKey: pkcs8,
    create: async (names) => {
      const [timestamp, snapshot] = [await servedKey('timestamp'), await servedKey('snapshot')];
      if ('status' in timestamp) return timestamp;
      if ('status' in snapshot) return snapshot;
      const spec = {
        root: { keys: [rootKey] },
        targets: { keys: [targetsKey] },
        snapshot: { keys: [snapshot] },
        timestamp: { keys: [timestamp] },
      };
      return await upload({ root: seal(rootOf({ ...spec, expires }), rootKey), targets: targets(1, names) });
    },
    publish: (version, names) => upload({ targets: targets(version, names) }),
    delete: () => call('DELETE', ''),
    get: (file) => call('GET', file),
  };
}

/** As the clients make it: self-signed, for this repository, ten years. */
async function makeRootKey(repository: string): Promise<WireKey & { readonly pkcs8: Uint8Array }> {
  const name = `root of ${repository}`;
  const pkcs8 = p256FromRandom(createHash('sha384').update(name).digest());
  const now = Date.now();
  const pem = await createRootCertificate({
    commonName: repository,
    pkcs8,
    notBefore: now,
    notAfter: now + 10 * yearMs,
    serial: sha256(Buffer.from(name)).slice(0, 16),
  });
  const key = createPrivateKey({ key: Buffer.from(pkcs8), format: 'der', type: 'pkcs8' });
  return {
    ...declare('ecdsa-x509', toBase64(Buffer.from(pem))),
    pkcs8,
    method: 'ecdsa',
    sign: (message) => new Uint8Array(sign('sha256', message, { key, dsaEncoding: 'ieee-p1363' })),
  };
}

function toServedKey(keytype: string, publicBase64: string): WireKey {
  const sign = () => {
    throw new Error('the server signs with this key');
  };
  return { ...declare(keytype, publicBase64), method: 'eddsa', sign };
}

function declare(keytype: string, publicBase64: string): Pick<WireKey, 'keyId' | 'object'> {
  const object = { keytype, keyval: { private: null, public: publicBase64 } };
  return { keyId: sha256Hex(encodeCanonical(object)), object };
}
