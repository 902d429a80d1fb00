/** Whoever owns a repository that a Notary client made: uploads over the wire, and a trust directory with the root key. */
import { mkdirSync } from 'node:fs';
import { join } from 'node:path';
import type { JsonObject } from '@vidimus/canonical-json';
import { ecdsaKeyObject, ed25519KeyObject, keyIdOf } from '@vidimus/notary';
import type { SmallImage } from '@vidimus/oci';
import { z } from 'zod';
import { edKey, rootOf, seal, targetsOf, type WireKey } from '../packages/notary/update/wire-client.ts';
import { type FiledKey, filedRootKey, fileKey } from '../support/notary-fake.ts';
import { TOKEN, type TrustSite } from './publishing-world.ts';

const keySchema = z.object({ keyval: z.object({ public: z.string() }) });

export interface NotaryOwner {
  readonly repository: string;
  readonly trustDir: string;
  readonly rootKey: FiledKey;
  /** The next targets, with these tags and no others; with the next root when a key is given, which then is filed. */
  readonly upload: (tags: Readonly<Record<string, SmallImage>>, nextRootKey?: FiledKey) => Promise<void>;
}

const passphrase = 'root passphrase';

/**
 * Its first upload has no tags.
 * @param home where the trust directory goes
 * @param partner a second root key, without which the first signs nothing; it is filed nowhere
 */
export async function notaryOwner(
  site: TrustSite,
  home: string,
  path: string,
  partner?: FiledKey,
): Promise<NotaryOwner> {
  const repository = `${site.registry.host}/${path}`;
  const trustDir = join(home, 'trust', path);
  mkdirSync(trustDir, { recursive: true });
  const wire = `${site.server.origin}/v2/${repository}/_trust/tuf/`;
  const headers = { Authorization: `Basic ${Buffer.from(`vidimus:${TOKEN}`).toString('base64')}` };
  const rootKey = await filedRootKey(`root of ${repository}`, repository);
  const targetsKey = edKey(`targets of ${repository}`);
  const file = (key: FiledKey): string => fileKey(trustDir, key, { role: 'root', passphrase });
  file(rootKey);
  const served = async (role: string): Promise<WireKey> => {
    const answer = await fetch(`${wire}${role}.key`, { headers });
    const { keyval } = keySchema.parse(await answer.json());
    const bytes = Buffer.from(keyval.public, 'base64');
    const object: JsonObject = bytes.length === 32 ? ed25519KeyObject(bytes) : ecdsaKeyObject(bytes);
    return { keyId: keyIdOf(object), object, method: '', sign: () => new Uint8Array() };
  };
  const [snapshot, timestamp] = [await served('snapshot'), await served('timestamp')];
  const versions = { root: 0, targets: 0 };
  let current: FiledKey | undefined;

  const partners = partner === undefined ? [] : [partner.key];

  const nextRoot = (key: FiledKey): Uint8Array => {
    versions.root += 1;
    const document = rootOf({
      version: versions.root,
      root: { keys: [key.key, ...partners], threshold: 1 + partners.length },
      targets: { keys: [targetsKey] },
      snapshot: { keys: [snapshot] },
      timestamp: { keys: [timestamp] },
    });
    const bytes = seal(document, ...(current === undefined ? [] : [current.key]), key.key, ...partners);
    current = key;
    return bytes;
  };
  const post = async (files: ReadonlyMap<string, Uint8Array>): Promise<void> => {
    const form = new FormData();
    for (const [role, bytes] of files) form.append('files', new Blob([Buffer.from(bytes)]), role);
    const answer = await fetch(wire, { method: 'POST', headers, body: form });
    if (answer.status !== 200) throw new Error(`${answer.status} ${await answer.text()}`);
  };
  const upload: NotaryOwner['upload'] = async (tags, nextRootKey) => {
    const files = new Map<string, Uint8Array>();
    if (nextRootKey !== undefined) {
      file(nextRootKey);
      files.set('root', nextRoot(nextRootKey));
    }
    versions.targets += 1;
    const targets = targetsOf({ version: versions.targets, targets: [] });
    const entries = Object.entries(tags).map(([tag, image]) => [
      tag,
      {
        length: image.size,
        hashes: { sha256: Buffer.from(image.digest.slice('sha256:'.length), 'hex').toString('base64') },
      },
    ]);
    files.set('targets', seal({ ...targets, targets: Object.fromEntries(entries) }, targetsKey));
    await post(files);
  };
  await upload({}, rootKey);
  return { repository, trustDir, rootKey, upload };
}
