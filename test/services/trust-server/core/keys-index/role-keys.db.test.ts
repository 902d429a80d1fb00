/** The index of keys equals what the signed documents say, whoever published them. */
import { type JsonObject, type JsonValue, parseJson } from '@vidimus/canonical-json';
import { type Database, trustRevokedKeys, trustRoleKeys } from '@vidimus/database';
import { and, eq, isNull } from 'drizzle-orm';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { indexMissing } from '../../../../../services/trust-server/src/core/keys-index/index-missing.ts';
import { changesRoleKeys } from '../../../../../services/trust-server/src/core/keys-index/role-keys.ts';
import { TrustError } from '../../../../../services/trust-server/src/service.ts';
import { edKey, type WireKey } from '../../../../packages/notary/update/wire-client.ts';
import { type EmbeddedForTest, openEmbeddedForTest } from '../../../../support/database-embedded.ts';
import {
  type CoreForTest,
  call,
  changeOf,
  clientKey,
  managed,
  openCore,
  signRoot,
  tagOf,
} from '../core-for-test.ts';
import { dualManaged } from '../dual-for-test.ts';
import { NotaryOwner } from '../notary-owner-for-test.ts';
import { NotaryPublisher, outcomeOf } from '../notary-publisher-for-test.ts';

let opened: EmbeddedForTest;
let core: CoreForTest;
beforeAll(async () => {
  opened = await openEmbeddedForTest();
  core = openCore(opened.database, { seed: 'key index' });
});
afterAll(async () => {
  await opened.close();
});

const object = (value: JsonValue | undefined): JsonObject => value as JsonObject;

/** `role keyId` of every key that the current files list, read with nothing but JSON. */
async function saidByDocuments(repository: string, dialect: 'tuf' | 'notary'): Promise<string[]> {
  const read = async (role: string): Promise<JsonObject | undefined> => {
    const file =
      dialect === 'notary'
        ? await core.service.readNotary(repository, { role })
        : await core.service.readMetadata(repository, { role, version: await versionOf(repository, role) });
    if (file === undefined) return undefined;
    return object(object(parseJson(file.bytes, { maxBytes: 1e7, maxDepth: 64 }))['signed']);
  };
  const said = new Set<string>();
  const root = await read('root');
  for (const [role, entry] of Object.entries(object(root?.['roles']))) {
    for (const keyId of object(entry)['keyids'] as string[]) said.add(`${role} ${keyId}`);
  }
  const open = ['targets'];
  for (const role of open) {
    const delegations = (await read(role))?.['delegations'];
    for (const entry of (object(delegations)?.['roles'] ?? []) as JsonObject[]) {
      const name = String(entry['name']).replace(/^targets\//, '');
      for (const keyId of entry['keyids'] as string[]) said.add(`${name} ${keyId}`);
      open.push(name);
    }
  }
  return [...said].sort();
}

/** As snapshot lists it, read with nothing but JSON. */
async function versionOf(repository: string, role: string): Promise<number> {
  const { versions } = await core.service.readRepository(repository);
  const known = versions[role];
  if (known !== undefined) return known;
  const name = { role: 'snapshot', version: versions['snapshot'] ?? 1 };
  const file = await core.service.readMetadata(repository, name);
  const signed = object(
    object(parseJson(file?.bytes ?? new Uint8Array(), { maxBytes: 1e7, maxDepth: 64 }))['signed'],
  );
  return Number(object(object(signed['meta'])[`${role}.json`])?.['version'] ?? 0);
}

async function indexed(repository: string, dialect: 'tuf' | 'notary'): Promise<string[]> {
  const rows = await opened.database.db
    .select({ role: trustRoleKeys.role, keyId: trustRoleKeys.keyId })
    .from(trustRoleKeys)
    .where(
      and(
        eq(trustRoleKeys.repository, repository),
        eq(trustRoleKeys.dialect, dialect),
        isNull(trustRoleKeys.until),
      ),
    );
  return rows.map(({ role, keyId }) => `${role} ${keyId}`).sort();
}

async function assertIndexed(repository: string, dialect: 'tuf' | 'notary'): Promise<void> {
  const found = await indexed(repository, dialect);
  expect(found.length).toBeGreaterThan(3);
  expect(found).toEqual(await saidByDocuments(repository, dialect));
}

/** Small, seeded: the same numbers in every run. */
function sequence(seed: number): (below: number) => number {
  let state = seed;
  return (below) => {
    state = (state * 1_103_515_245 + 12_345) % 2_147_483_648;
    return Math.floor((state / 2_147_483_648) * below);
  };
}

describe('the index of keys', () => {
  it('holds what a creation lists, in each dialect', async () => {
    const repository = 'registry.example.com/keys/dual';
    await core.service.createRepository(call, repository, dualManaged);
    await assertIndexed(repository, 'tuf');
    await assertIndexed(repository, 'notary');
  });

  it('holds what a change lists, once it is published', async () => {
    const repository = 'registry.example.com/keys/change';
    const key = clientKey('index root');
    const pending = await core.service.createRepository(call, repository, {
      roles: { root: { keys: [{ custody: 'client', key: key.declared }] } },
    });
    expect(await indexed(repository, 'tuf')).toEqual([]);
    if (pending.outcome !== 'change') throw new Error('it should wait');
    const signatures = [await signRoot(pending.change, key)];
    await core.service.signChange(call, repository, pending.change.id, { signatures });
    await assertIndexed(repository, 'tuf');
    expect(await indexed(repository, 'tuf')).toContain(`root ${key.keyId}`);
  });

  it('holds what an added dialect lists', async () => {
    const repository = 'registry.example.com/keys/added';
    await core.service.createRepository(call, repository, managed);
    expect(await indexed(repository, 'notary')).toEqual([]);
    await core.service.addDialects(call, repository, { dialects: ['tuf', 'notary'] });
    await assertIndexed(repository, 'notary');
  });

  it('equals what clients signed, after any uploads', async () => {
    const random = sequence(7);
    const client = await NotaryPublisher.on(core, 'registry.example.com/keys/uploads');
    await client.create({ v1: 'one' });
    const keys = ['ann', 'ben', 'cleo'].map((name) => edKey(`index ${name}`));
    const some = (): readonly WireKey[] => {
      const chosen = keys.filter(() => random(2) === 0);
      return chosen.length === 0 ? [keys[0] as WireKey] : chosen;
    };
    let signers: Readonly<Record<string, readonly WireKey[]>> = {};
    const versions: Record<string, number> = {};
    for (let version = 2; version < 16; version += 1) {
      core.clock.nowMs += 1_000;
      const names = ['releases', 'qa'].filter(() => random(3) > 0);
      signers = Object.fromEntries(names.map((name) => [`targets/${name}`, some()]));
      const delegation = (name: string, who: readonly WireKey[]) => ({ name, keys: who, paths: [''] });
      const delegations = Object.entries(signers).map(([name, who]) => delegation(name, who));
      const files: Record<string, Uint8Array> = {
        targets: client.targets({ version, tags: { v1: 'one' }, delegations }),
      };
      for (const [name, who] of Object.entries(signers)) {
        versions[name] = (versions[name] ?? 0) + 1;
        const nested = random(2) === 0 ? [delegation(`${name}/nested`, some())] : [];
        const wish = { version: versions[name] ?? 1, delegations: nested };
        files[name] = client.targets(wish, ...who);
      }
      await client.upload(files);
      await assertIndexed(client.repository, 'notary');
    }
    const rows = await opened.database.db
      .select({ since: trustRoleKeys.since, until: trustRoleKeys.until })
      .from(trustRoleKeys)
      .where(eq(trustRoleKeys.repository, client.repository));
    const ended = rows.filter(({ until }) => until !== null);
    expect(ended.length).toBeGreaterThan(5);
    for (const { since, until } of ended) expect(until?.getTime()).toBeGreaterThan(since.getTime());
  });

  it('equals what the service signs, after any edits', async () => {
    const random = sequence(11);
    const repository = 'registry.example.com/keys/edits';
    const { service } = core;
    await service.createRepository(call, repository, dualManaged);
    const managedKey = { custody: 'managed' as const };
    const names = ['qa', 'qa/nightly', 'releases'];
    const delegate = (name: string) =>
      service.putDelegation(call, repository, name, {
        signers: [{ name: 'ci', keys: random(2) === 0 ? [managedKey] : [managedKey, managedKey] }],
        threshold: 1,
        paths: ['*'],
      });
    const roles = ['root', 'targets', 'snapshot', 'timestamp', 'revocations'];
    const edits: readonly (() => Promise<unknown>)[] = [
      () => delegate(names[random(3)] ?? 'qa'),
      () => delegate(names[random(3)] ?? 'qa'),
      () => service.removeDelegation(call, repository, names[random(3)] ?? 'qa'),
      () =>
        service.rotateRole(call, repository, roles[random(5)] ?? 'root', { to: [managedKey], reason: 'any' }),
      () => service.putTag(call, repository, `t${random(5)}`, tagOf(`${random(100)}`)),
    ];
    let done = 0;
    for (let step = 0; step < 14; step += 1) {
      core.clock.nowMs += 1_000;
      // Some are refused: a delegation that is not there, or that would hide tags.
      const refused = await edits[random(edits.length)]?.().then(
        () => false,
        (error: unknown) => error instanceof TrustError,
      );
      if (refused === false) done += 1;
      await assertIndexed(repository, 'tuf');
      await assertIndexed(repository, 'notary');
    }
    expect(done).toBeGreaterThan(5);
    expect(await indexed(repository, 'tuf')).not.toEqual([]);
  });

  it('equals what a mirror lists', async () => {
    const owner = await NotaryOwner.create(core, 'registry.example.com/keys/mirror', { v1: 'one' });
    const change = await changeOf(
      core.service.addDialects(call, owner.repository, { dialects: ['tuf', 'notary'] }),
    );
    const signatures = [await owner.signTuf(change)];
    await core.service.signChange(call, owner.repository, change.id, { signatures });
    await assertIndexed(owner.repository, 'tuf');
    await assertIndexed(owner.repository, 'notary');
  });

  it('refuses a revoked key, whoever uploads it', async () => {
    const client = await NotaryPublisher.on(core, 'registry.example.com/keys/revoked');
    await client.create({ v1: 'one' });
    const ann = edKey('index revoked');
    const delegating = (version: number, keys: readonly WireKey[]) => ({
      targets: client.targets({
        version,
        tags: { v1: 'one' },
        delegations: keys.length === 0 ? [] : [{ name: 'targets/releases', keys, paths: [''] }],
      }),
    });
    await client.upload(delegating(2, [ann]));
    const { aliases } = await core.service.readKey(client.repository, ann.keyId);
    await client.upload(delegating(3, []));
    const materials = aliases.map((material, index) => ({
      id: `index-revoked-${index}`,
      material,
      repository: null,
      reason: 'stolen',
      compromisedSince: null,
      revokedAt: new Date(core.clock.nowMs),
      actor: call.actor,
    }));
    await opened.database.db.insert(trustRevokedKeys).values(materials);
    expect(await outcomeOf(client.upload(delegating(4, [ann])))).toBe('INVALID_UPDATE');
    expect(await indexed(client.repository, 'notary')).not.toContain(`releases ${ann.keyId}`);
    await client.upload(delegating(4, []));
  });

  it('is made at start for repositories of before', async () => {
    const { database } = opened;
    const repository = 'registry.example.com/keys/before';
    await core.service.createRepository(call, repository, dualManaged);
    const before = await rowsOf(database, repository);
    await database.db.delete(trustRoleKeys).where(eq(trustRoleKeys.repository, repository));
    expect(await indexMissing({ database })).toBe(1);
    expect(await rowsOf(database, repository)).toEqual(before);
    expect(await indexMissing({ database })).toBe(0);
  });

  it('is left alone by publishes that move tags', async () => {
    const repository = 'registry.example.com/keys/tags';
    await core.service.createRepository(call, repository, dualManaged);
    const before = await rowsOf(opened.database, repository);
    await opened.database.db.delete(trustRoleKeys).where(eq(trustRoleKeys.repository, repository));
    await core.service.putTag(call, repository, 'v1', tagOf('one'));
    expect(await rowsOf(opened.database, repository)).toEqual([]);
    expect(before).toHaveLength(9);
    expect(changesRoleKeys('tuf', { changed: [], before: { targetsOf: () => undefined } })).toBe(false);
  });

  it('knows a key by its other ids', async () => {
    const repository = 'registry.example.com/keys/aliases';
    await core.service.createRepository(call, repository, dualManaged);
    const rows = await opened.database.db
      .select({ role: trustRoleKeys.role, dialect: trustRoleKeys.dialect, aliases: trustRoleKeys.aliases })
      .from(trustRoleKeys)
      .where(eq(trustRoleKeys.repository, repository));
    const of = (dialect: string, role: string) =>
      rows.find((row) => row.dialect === dialect && row.role === role)?.aliases;
    // The bare key and the certificate; the other dialect's id.
    expect(of('notary', 'root')).toHaveLength(2);
    expect(of('tuf', 'root')).toHaveLength(1);
  });
});

async function rowsOf(database: Database, repository: string) {
  return await database.db
    .select({
      dialect: trustRoleKeys.dialect,
      role: trustRoleKeys.role,
      keyId: trustRoleKeys.keyId,
      material: trustRoleKeys.material,
      scheme: trustRoleKeys.scheme,
      since: trustRoleKeys.since,
      sinceVersion: trustRoleKeys.sinceVersion,
      until: trustRoleKeys.until,
    })
    .from(trustRoleKeys)
    .where(eq(trustRoleKeys.repository, repository))
    .orderBy(trustRoleKeys.dialect, trustRoleKeys.role, trustRoleKeys.keyId);
}
