/** A delegation taken away and given again, by the real `notary`; and an upload of nothing, which it sends, too. */
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { type PretendService, pretendService } from '../../../packages/notary/update/pretend-service.ts';
import { createNotaryCli, type NotaryCli } from '../../../support/notary-clients/notary-cli.ts';
import { makeSignerKey, type SignerKey } from '../../../support/notary-clients/signer-key.ts';
import { type PretendServer, servePretended } from './pretend-server.ts';

const repository = 'registry.example.com/notary/again';
const role = 'targets/carol';

let service: PretendService;
let server: PretendServer;
let notary: NotaryCli;
let carol: SignerKey;
let erin: SignerKey;

beforeAll(async () => {
  [carol, erin] = await Promise.all([makeSignerKey('carol'), makeSignerKey('erin')]);
  service = pretendService(repository);
  server = await servePretended(service);
  notary = createNotaryCli({ server: server.url, ca: carol.certificate });
  await notary.done('init', repository, '-p');
  await notary.done('key', 'rotate', repository, 'snapshot', '-r');
  for (const [name, { privateKey }] of Object.entries({ carol, erin })) {
    await notary.done('key', 'import', notary.file(`${name}.key`, privateKey), '--role', 'carol');
  }
});

afterAll(async () => {
  notary.close();
  await server.close();
});

async function give(signer: SignerKey): Promise<void> {
  const certificate = notary.file('signer.crt', signer.certificate);
  await notary.done('delegation', 'add', repository, role, certificate, '--all-paths', '-p');
}

async function take(): Promise<void> {
  await notary.done('delegation', 'remove', repository, role, '--yes', '-p');
}

function addingTo(name: string): readonly string[] {
  return ['add', repository, name, notary.file(name, name), '--roles', role, '-p'];
}

async function listed(): Promise<readonly string[]> {
  return (await notary.list(repository)).map((row) => `${row.target} ${row.role}`);
}

describe('the real notary', () => {
  it('lets a role that lost its delegation go on from the file it had', async () => {
    await give(carol);
    await notary.done(...addingTo('one'));
    await take();
    expect(await listed()).toEqual([]);
    await give(carol);
    await notary.done(...addingTo('two'));
    expect(await listed()).toEqual(['one targets/carol', 'two targets/carol']);
  });

  it('is told to witness a role whose keys are others now, and then goes on', async () => {
    await take();
    await give(erin);
    expect(await listed()).toEqual([]);
    expect(await notary.fails(...addingTo('three'))).toContain(
      'targets/carol version 2 is signed by keys it no longer has; run notary witness for this role',
    );
    await notary.done('reset', repository, '--all');
    await notary.done('witness', repository, role, '-p');
    await notary.done(...addingTo('four'));
    expect(await listed()).toEqual(['four targets/carol', 'one targets/carol', 'two targets/carol']);
  });

  it('publishes nothing, and no version moves', async () => {
    const before = [...service.stored];
    await notary.done('publish', repository);
    expect([...service.stored]).toEqual(before);
  });

  it('does not send what is outside the paths of a role', async () => {
    await notary.done('delegation', 'remove', repository, role, '--all-paths', '-p');
    await notary.done('delegation', 'add', repository, role, '--paths', 'carol-', '-p');
    const before = service.stored.get('carol');
    await notary.run(...addingTo('five'));
    expect(service.stored.get('carol')).toBe(before);
    await notary.run('reset', repository, '--all');
    await notary.done(...addingTo('carol-6'));
    expect(await listed()).toEqual(['carol-6 targets/carol']);
  });
});
