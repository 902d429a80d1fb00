/** Somebody with a Notary client: holds root and targets of a repository and uploads what the format's description says. */
import { createPrivateKey, createPublicKey, sign } from 'node:crypto';
import { encodeCanonical, type JsonObject } from '@vidimus/canonical-json';
import { fromBase64, fromHex, sha256Hex, signerFromPkcs8, toBase64, toHex } from '@vidimus/crypto';
import { keyIdOf } from '@vidimus/notary';
import type { NotaryCall } from '../../../../services/trust-server/src/notary-service.ts';
import type { Change } from '../../../../services/trust-server/src/schemas/index.ts';
import { edKey, rootOf, seal, targetsOf, type WireKey } from '../../../packages/notary/update/wire-client.ts';
import { type CoreForTest, call, day, digestOf } from './core-for-test.ts';
import { type CertifiedKey, certifiedKey } from './dual-for-test.ts';

export const wireCall: NotaryCall = { ...call, actor: 'token:docker', mayCreate: true };

/** Path to a text, whose digest is listed, or to the entry as it stands in the file. */
export type Listed = Readonly<Record<string, string | JsonObject>>;

export class NotaryOwner {
  readonly repository: string;
  readonly #core: CoreForTest;
  readonly #targetsKey: WireKey;
  #releasesKey: WireKey;
  rootKey: CertifiedKey;
  readonly #served: { readonly timestamp: JsonObject; readonly snapshot: JsonObject };
  #rootVersion = 0;
  #targetsVersion = 0;
  #releasesVersion = 0;
  #delegatesReleases = false;
  /** Of targets. */
  lifetimeMs = 1_000 * day;

  private constructor(
    core: CoreForTest,
    repository: string,
    rootKey: CertifiedKey,
    served: { readonly timestamp: JsonObject; readonly snapshot: JsonObject },
  ) {
    this.#core = core;
    this.repository = repository;
    this.rootKey = rootKey;
    this.#served = served;
    this.#targetsKey = edKey(`targets of ${repository}`);
    this.#releasesKey = edKey(`releases of ${repository}`);
  }

  /** Makes a repository as `notary init` and `publish` do, with keys of the server for snapshot and timestamp. */
  static async create(
    core: CoreForTest,
    repository: string,
    tags: Listed,
    rootKey?: CertifiedKey,
  ): Promise<NotaryOwner> {
    const { service } = core;
    const key = (role: 'timestamp' | 'snapshot') => service.notaryKey(wireCall, repository, role, 'current');
    const served = { timestamp: await key('timestamp'), snapshot: await key('snapshot') };
    const root = rootKey ?? (await certifiedKey(`root of ${repository}`, repository));
    const owner = new NotaryOwner(core, repository, root, served);
    await owner.#upload({ root: owner.#root([root]), targets: owner.#targets(tags) });
    return owner;
  }

  /** The next version of targets. */
  async publish(tags: Listed): Promise<void> {
    await this.#upload({ targets: this.#targets(tags) });
  }

  /** The next version of `targets/releases`, delegated to in the same upload if it was not. */
  async release(tags: Listed, targets?: Listed): Promise<void> {
    this.#delegatesReleases = true;
    this.#releasesVersion += 1;
    const releases = this.#sealTargets(this.#releasesVersion, tags, false, this.#releasesKey);
    await this.#upload({
      ...(targets === undefined ? {} : { targets: this.#targets(targets) }),
      'targets/releases': releases,
    });
  }

  /** Delegates `targets/releases` to another key, as after a signer was removed: what it signed counts no more. */
  async rekeyReleases(tags: Listed): Promise<void> {
    this.#releasesKey = edKey(`other releases of ${this.repository}`);
    await this.publish(tags);
  }

  /** A root with other keys, signed by those before, too. */
  async rotateRoot(next: CertifiedKey): Promise<void> {
    const former = this.rootKey;
    this.rootKey = next;
    await this.#upload({ root: this.#root([next, former], next) });
  }

  /** The owner's signature over the root of the `tuf` dialect. */
  async signTuf(change: Change, key: CertifiedKey = this.rootKey) {
    const document = change.documents.find(({ dialect }) => dialect === 'tuf');
    if (document === undefined) throw new Error('no root to sign');
    const signer = signerFromPkcs8(key.pkcs8, 'ecdsa-sha2-nistp256');
    const sig = toHex(await signer.sign(fromBase64(document.toSign)));
    return { dialect: 'tuf' as const, role: 'root', keyId: tufKeyId(key), sig };
  }

  #root(signers: readonly CertifiedKey[], rootKey = this.rootKey): Uint8Array {
    this.#rootVersion += 1;
    const { timestamp, snapshot } = this.#served;
    const root = rootOf({
      version: this.#rootVersion,
      expires: this.#in(3_000 * day),
      root: { keys: [this.#wire(rootKey)] },
      targets: { keys: [this.#targetsKey] },
      snapshot: { keys: [ofServer(snapshot)] },
      timestamp: { keys: [ofServer(timestamp)] },
    });
    return seal(root, ...signers.map((key) => this.#wire(key)));
  }

  #targets(tags: Listed): Uint8Array {
    this.#targetsVersion += 1;
    return this.#sealTargets(this.#targetsVersion, tags, this.#delegatesReleases, this.#targetsKey);
  }

  #sealTargets(version: number, tags: Listed, delegates: boolean, key: WireKey): Uint8Array {
    const delegations = delegates ? [{ name: 'targets/releases', keys: [this.#releasesKey] }] : [];
    const signed = targetsOf({ version, expires: this.#in(this.lifetimeMs), delegations });
    const targets = Object.fromEntries(
      Object.entries(tags).map(([path, what]) => [path, typeof what === 'string' ? entryOf(what) : what]),
    );
    return seal({ ...signed, targets }, key);
  }

  #in(ms: number): string {
    return new Date(this.#core.clock.nowMs + ms).toISOString();
  }

  #wire(key: CertifiedKey): WireKey {
    return { keyId: key.keyId, object: key.declared, method: 'ecdsa', sign: signP1363(key) };
  }

  async #upload(files: Readonly<Record<string, Uint8Array>>): Promise<void> {
    const parts = Object.entries(files).map(([role, bytes]) => ({ role, bytes }));
    await this.#core.service.updateNotary(wireCall, this.repository, parts);
  }
}

/** A target with the digest of a text. */
export function entryOf(text: string, custom?: JsonObject): JsonObject {
  const sha = toBase64(fromHex(digestOf(text).slice(7)));
  return { length: text.length, hashes: { sha256: sha }, ...(custom === undefined ? {} : { custom }) };
}

function ofServer(object: JsonObject): WireKey {
  const sign = () => {
    throw new Error('the server signs with this key');
  };
  return { keyId: keyIdOf(object), object, method: 'eddsa', sign };
}

/** The id that a P-256 key has in the `tuf` dialect, spelled as securesystemslib spells it. */
export function tufKeyId({ pkcs8 }: CertifiedKey): string {
  const publicKey = createPublicKey(
    createPrivateKey({ key: Buffer.from(pkcs8), format: 'der', type: 'pkcs8' }),
  );
  const pem = publicKey.export({ format: 'pem', type: 'spki' }).toString();
  return sha256Hex(
    encodeCanonical({ keytype: 'ecdsa', scheme: 'ecdsa-sha2-nistp256', keyval: { public: pem } }),
  );
}

function signP1363({ pkcs8 }: CertifiedKey): WireKey['sign'] {
  const key = createPrivateKey({ key: Buffer.from(pkcs8), format: 'der', type: 'pkcs8' });
  return (message) => new Uint8Array(sign('sha256', message, { key, dsaEncoding: 'ieee-p1363' }));
}
