import {
  createWrappedKeyStore,
  type MasterKey,
  parseMasterKey,
  type WrappedKeyStoreParts,
} from '@vidimus/key-store';
import { describe, expect, it } from 'vitest';
import { keyIdOf, NOW, refusal, seededRandom } from './seeded-parts.ts';

const keyNamed = (name: string): MasterKey =>
  parseMasterKey(Buffer.from(seededRandom(name)(32)).toString('base64'));
const [first, second, third] = ['first', 'second', 'third'].map(keyNamed);
if (first === undefined || second === undefined || third === undefined) throw new Error('three keys');
const message = new TextEncoder().encode('message');
const scope = { repository: 'registry.example.com/a', role: 'targets', dialect: 'tuf' };

function open(master: MasterKey, parts: Partial<WrappedKeyStoreParts> = {}) {
  return createWrappedKeyStore({
    random: seededRandom(master.fingerprint),
    now: () => NOW,
    master,
    ...parts,
  });
}

describe('a new master key', () => {
  it('opens what the one before it wrapped, and wraps it anew', async () => {
    const record = await open(first).generate(scope, keyIdOf);
    const both = open(second, { retiring: [first] });
    const signature = await (await both.open(record)).sign(message);
    const next = both.rewrap(record);
    expect(next).toMatchObject({ keyId: record.keyId, masterFingerprint: second.fingerprint });
    expect(await (await open(second).open(next)).sign(message)).toEqual(signature);
    expect((await refusal(() => open(first).open(next))).code).toBe('MASTER_KEY_WRONG');
    expect(both.rewrap(next)).toBe(next);
  });

  it('wraps new keys, whatever else is given', async () => {
    const record = await open(second, { retiring: [first] }).generate(scope, keyIdOf);
    expect(record.masterFingerprint).toBe(second.fingerprint);
  });

  it('opens nothing of a third one', async () => {
    const record = await open(third).generate(scope, keyIdOf);
    const both = open(second, { retiring: [first] });
    expect((await refusal(() => both.open(record))).code).toBe('MASTER_KEY_WRONG');
    expect((await refusal(() => both.rewrap(record))).code).toBe('MASTER_KEY_WRONG');
  });

  it.each([
    ['repository', { repository: 'registry.example.com/b' }],
    ['role', { role: 'timestamp' }],
    ['dialect', { dialect: 'notary' }],
    ['key id', { keyId: 'ab'.repeat(32) }],
  ])('never wraps a row anew that was moved to another %s', async (_, moved) => {
    const record = await open(first).generate(scope, keyIdOf);
    const both = open(second, { retiring: [first] });
    expect((await refusal(() => both.rewrap({ ...record, ...moved }))).code).toBe('KEY_CORRUPT');
  });

  it('wraps keys of root by the root master key', async () => {
    const [oldRoot, newRoot] = [keyNamed('old root'), keyNamed('new root')];
    const record = await open(first, { rootMaster: oldRoot }).generate({ ...scope, role: 'root' }, keyIdOf);
    const both = open(second, { rootMaster: newRoot, retiring: [first, oldRoot] });
    expect(both.rewrap(record).masterFingerprint).toBe(newRoot.fingerprint);
    expect((await refusal(() => open(second, { retiring: [oldRoot] }).rewrap(record))).code).toBe(
      'SIGNER_UNAVAILABLE',
    );
  });
});
