/**
 * A repository that the real `notary` made: over REST the service gives other keys to the roles it holds, by a root that
 * the owner signs. Whoever follows goes on, the owner's own machine as well; then the same with `tuf` beside.
 */
import { createPrivateKey, sign } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { readPrivateKeyFile, sha256Hex } from '@vidimus/crypto';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { mirrorInTuf } from '../../support/notary-clients/mirror-in-tuf.ts';
import { createNotaryCli, type NotaryCli, PASSPHRASE } from '../../support/notary-clients/notary-cli.ts';
import { TEST_CA } from '../../support/registry-tls.ts';
import { createServiceBed, type ServiceBed } from '../../support/service-bed.ts';
import { codeOf } from '../../support/service-calls.ts';
import { ADMIN_TOKEN } from '../../support/service-process.ts';
import { type Crowd, gather } from './followers.ts';
import { type DialectName, entriesOf, personFor, type Signatory } from './people.ts';
import { type Administrator, administer } from './trust-calls.ts';

const repository = 'registry.example.com/rotation/notary-owned';
const tag = '1.0';
const reason = 'yearly';
const managed = { to: [{ custody: 'managed' }], reason };

describe.each(['embedded', 'postgres'] as const)('a repository that notary made (%s)', (kind) => {
  let bed: ServiceBed;
  let url: string;
  let admin: Administrator;
  let owner: NotaryCli;
  let crowd: Crowd;
  let moves = 0;
  let digest = '';
  beforeAll(async () => {
    bed = createServiceBed();
    const options = kind === 'postgres' ? (await bed.postgres()).options : { data: await bed.directory() };
    url = (await bed.start(options)).url;
    admin = administer(url, repository);
    owner = createNotaryCli({ server: url, ca: TEST_CA, login: `admin:${ADMIN_TOKEN}` });
    bed.afterwards(async () => owner.close());
    await owner.done('init', repository, '-p');
    await owner.done('key', 'rotate', repository, 'snapshot', '-r');
    await move();
    await gatherAll(['notary']);
  });
  afterAll(() => bed.close());

  const gatherAll = async (dialects: readonly DialectName[]): Promise<void> => {
    crowd = await gather(url, repository, dialects);
    bed.afterwards(async () => crowd.close());
    await all();
  };
  /** The tag is another image from now on: the owner's machine has to follow before it can say so. */
  const move = async (): Promise<void> => {
    moves += 1;
    const content = `move ${moves}`;
    digest = `sha256:${sha256Hex(Buffer.from(content))}`;
    await owner.done('add', repository, tag, owner.file(tag, content), '-p');
  };
  const all = async (): Promise<void> => {
    expect(await crowd.see([tag])).toEqual(crowd.all({ [tag]: digest }));
  };
  /** PKCS#8 (DER) of the root key of today, from the owner's machine. */
  const rootKey = async (): Promise<Uint8Array> => {
    const { aliases } = await admin.keyOf('root', 'notary');
    const files = aliases.map((alias) => join(owner.trustDirectory, 'private', `${alias}.key`));
    for (const file of files) {
      const pem = readIfThere(file);
      if (pem !== undefined) return readPrivateKeyFile(pem, PASSPHRASE).pkcs8;
    }
    throw new Error('the owner has lost the root key');
  };
  /** In both dialects it is one key, by different ids. */
  const ownerFor = async (dialects: readonly DialectName[]): Promise<Signatory> => {
    const der = Buffer.from(await rootKey());
    const key = createPrivateKey({ key: der, format: 'der', type: 'pkcs8' });
    const { keyId, aliases } = await admin.keyOf('root', 'notary');
    const keys = dialects.flatMap((dialect) => {
      const dsaEncoding = dialect === 'tuf' ? ('der' as const) : ('ieee-p1363' as const);
      const signs = (message: Uint8Array) => sign('sha256', message, { key, dsaEncoding });
      return [keyId, ...aliases].map((id) => ({ dialect, keyId: id, sign: signs }));
    });
    return { name: 'the owner', keys };
  };
  const rotate = async (role: string, dialects: readonly DialectName[]): Promise<void> => {
    const before = await admin.role(role);
    await admin.publish('POST', `/roles/${role}/rotations`, managed, [await ownerFor(dialects)]);
    expect((await admin.role(role)).keyIds).not.toEqual(before.keyIds);
    await all();
    await move();
    await all();
  };
  const isRefused = async (role: string, body: object): Promise<void> => {
    const refused = await admin.call('POST', `/roles/${role}/rotations`, body);
    expect([refused.status, codeOf(refused)]).toEqual([400, 'CUSTODY_INVALID']);
  };

  it('gets other keys for snapshot and timestamp', async () => {
    for (const role of ['snapshot', 'timestamp']) await rotate(role, ['notary']);
  });

  it('keeps root and targets in the hands of its owner, who rotates them', async () => {
    for (const role of ['root', 'targets']) {
      await isRefused(role, managed);
      const ann = personFor({ repository, dialects: ['notary'], role }, 'ann');
      await isRefused(role, { to: entriesOf(ann), reason });
      await owner.done('key', 'rotate', repository, role);
      await all();
      await move();
      await all();
    }
    await rotate('timestamp', ['notary']);
  });

  it('gets other keys in both dialects once it has two', async () => {
    await mirrorInTuf({ url, ca: TEST_CA }, repository, await rootKey());
    await gatherAll(['tuf', 'notary']);
    for (const role of ['targets', 'snapshot', 'timestamp', 'revocations']) {
      await rotate(role, ['tuf', 'notary']);
    }
    await isRefused('root', managed);
  });
});

function readIfThere(file: string): string | undefined {
  try {
    return readFileSync(file, 'utf8');
  } catch (error) {
    if (error instanceof Error && 'code' in error && error.code === 'ENOENT') return undefined;
    throw error;
  }
}
