import { isJsonObject, type JsonObject, parseJson } from '@vidimus/canonical-json';
import { sha256Hex } from '@vidimus/crypto';
import {
  agreedRecoveryKeys,
  DEFAULT_LIMITS,
  encodeHandover,
  type Handover,
  type HandoverCheck,
  type RecoveryKeys,
  readHandover,
  readRecoveryKeys,
  recoveryKeysOf,
  tufDialect,
  verifyHandover,
  verifyRoot,
  writeRecoveryKeys,
} from '@vidimus/tuf';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { recoveryOf } from '../../../support/directory-simulator.ts';
import { codeOf } from '../../../support/tuf-client.ts';
import { ed25519Key, type TestKey } from '../../../support/tuf-keys.ts';
import { DAY, REPOSITORY, START, TufSimulator } from '../../../support/tuf-simulator.ts';

const spare = ed25519Key('spare');
const second = ed25519Key('second spare');
const simulator = new TufSimulator();
const fromBytes = simulator.bytes('root');
const context = { dialect: tufDialect, repository: REPOSITORY, foreign: false, limits: DEFAULT_LIMITS };
const from = verifyRoot(context, fromBytes).document;

const handover: Handover = {
  repository: REPOSITORY,
  dialect: 'tuf',
  from: { version: 1, sha256: sha256Hex(fromBytes) },
  to: { version: 2, sha256: 'ab'.repeat(32) },
  issued: START,
  expires: START + 7 * DAY,
  reason: 'the key is lost',
};

function seal(message: Uint8Array, keys: readonly TestKey[]): Uint8Array {
  return tufDialect.seal(
    message,
    keys.map((key) => ({ keyId: key.keyId, value: key.sign(message) })),
  );
}
const sealed = (change: Partial<Handover> = {}, keys = [spare]): Uint8Array =>
  seal(encodeHandover({ ...handover, ...change }), keys);
const recovery = (keys: readonly TestKey[], threshold = 1): RecoveryKeys =>
  readRecoveryKeys(plain(recoveryOf(keys, threshold)));
const check = (change: Partial<HandoverCheck> = {}): HandoverCheck => ({
  repository: REPOSITORY,
  dialect: 'tuf',
  nowMs: START,
  recovery: recovery([spare]),
  from,
  fromSha256: sha256Hex(fromBytes),
  ...change,
});

function plain(value: unknown): JsonObject {
  const parsed = parseJson(Buffer.from(JSON.stringify(value)), { maxBytes: 65_536, maxDepth: 32 });
  if (!isJsonObject(parsed)) throw new Error('no object');
  return parsed;
}

describe('a hand-over', () => {
  it('reads back as it was written', () => {
    const name = fc.record({ version: fc.integer({ min: 1, max: 2 ** 40 }), sha256: hex() });
    fc.assert(
      fc.property(
        name,
        name,
        fc.string({ minLength: 1, maxLength: 40, unit: 'grapheme' }),
        (a, b, reason) => {
          fc.pre(a.sha256 !== b.sha256);
          const made: Handover = { ...handover, from: a, to: b, reason };
          expect(readHandover(seal(encodeHandover(made), [])).handover).toEqual(made);
        },
      ),
    );
  });

  it('signed by recovery keys that were named before is good', () => {
    expect(verifyHandover(readHandover(sealed()), check())).toEqual([spare.keyId]);
    const both = check({ recovery: recovery([spare, second], 2) });
    expect(verifyHandover(readHandover(sealed({}, [spare, second])), both)).toHaveLength(2);
  });

  it.each<[string, Partial<Handover>, Partial<HandoverCheck>, string]>([
    ['of another repository', { repository: 'registry.example.com/other' }, {}, 'BINDING'],
    ['of another dialect', { dialect: 'notary' }, {}, 'BINDING'],
    ['that is expired', {}, { nowMs: START + 7 * DAY }, 'EXPIRED'],
    ['from the future', { issued: START + 3_600_000 }, {}, 'LIFETIME'],
    ['of another root', { from: { version: 1, sha256: 'cd'.repeat(32) } }, {}, 'ROOT_CHAIN'],
    ['where nobody may hand over', {}, { recovery: undefined }, 'ANCHOR'],
    ['below the threshold', {}, { recovery: recovery([spare, second], 2) }, 'THRESHOLD'],
    ['by a key that was not named', {}, { recovery: recovery([second]) }, 'THRESHOLD'],
  ])('%s is refused', (_, change, circumstances, code) => {
    const file = readHandover(sealed(change));
    expect(codeOf(() => verifyHandover(file, check(circumstances)))).toBe(code);
  });

  it('is never made by keys that sign below root: a service that was named for recovery by mistake cannot', () => {
    for (const role of ['targets', 'snapshot', 'timestamp']) {
      const [key] = simulator.signers.get(role) ?? [];
      if (key === undefined) throw new Error('no key');
      const file = readHandover(sealed({}, [key]));
      expect(codeOf(() => verifyHandover(file, check({ recovery: recovery([key]) })))).toBe('THRESHOLD');
    }
  });

  it('does not verify with any byte of its text flipped', () => {
    const bytes = sealed();
    const start = Buffer.from(bytes).indexOf('"signed":');
    fc.assert(
      fc.property(
        fc.integer({ min: start + 9, max: bytes.length - 2 }),
        fc.integer({ min: 0, max: 7 }),
        (at, bit) => {
          const spoilt = Uint8Array.from(bytes);
          spoilt[at] = (spoilt[at] ?? 0) ^ (1 << bit);
          expect(() => verifyHandover(readHandover(spoilt), check())).toThrow();
        },
      ),
    );
  });

  it('is no document of a role, and no document is a hand-over', () => {
    const bytes = sealed();
    expect(codeOf(() => verifyRoot(context, bytes))).toBe('WRONG_TYPE');
    for (const role of ['root', 'targets', 'snapshot', 'timestamp']) {
      expect(codeOf(() => readHandover(simulator.bytes(role)))).toBe('WRONG_TYPE');
    }
  });

  it.each<[string, (signed: Record<string, unknown>) => void]>([
    ['with an unknown member', (signed) => Object.assign(signed, { force: true })],
    ['with a member missing', (signed) => delete signed['reason']],
    ['without reason', (signed) => Object.assign(signed, { reason: '' })],
    ['with a name that is none', (signed) => Object.assign(signed, { repository: 'Team/App' })],
    ['with a dialect that is none', (signed) => Object.assign(signed, { dialect: 'cosign' })],
    ['with a shortened hash', (signed) => Object.assign(signed, { to: { version: 2, sha256: 'ab' } })],
    ['with version 0', (signed) => Object.assign(signed, { to: { version: 0, sha256: 'ab'.repeat(32) } })],
    ['to the root it leaves', (signed) => Object.assign(signed, { to: signed['from'] })],
    ['with a date of another form', (signed) => Object.assign(signed, { expires: '2026-12-01' })],
    ['that never expires', (signed) => Object.assign(signed, { expires: '2099-01-01T00:00:00Z' })],
    ['that expires before it begins', (signed) => Object.assign(signed, { expires: '2026-01-01T00:00:00Z' })],
  ])('%s is malformed', (_, spoil) => {
    const signed: Record<string, unknown> = JSON.parse(Buffer.from(encodeHandover(handover)).toString());
    spoil(signed);
    const bytes = Buffer.from(JSON.stringify({ signatures: [], signed }));
    expect(codeOf(() => readHandover(bytes))).toBe('MALFORMED');
  });

  it.each([
    ['nothing', '', 'MALFORMED'],
    ['something beside the signed part', '{"signatures":[],"signed":{},"root":{}}', 'MALFORMED'],
    ['too much', `{"signatures":[],"signed":{"a":"${'x'.repeat(70_000)}"}}`, 'LIMIT'],
    ['a pit', '['.repeat(10_000), 'LIMIT'],
  ])('of %s is refused', (_, text, code) => {
    expect(codeOf(() => readHandover(Buffer.from(text)))).toBe(code);
  });
});

describe('recovery keys', () => {
  it('read back as they were written', () => {
    const keys = recovery([spare, second], 2);
    const again = readRecoveryKeys(writeRecoveryKeys(keys));
    expect([...again.keys.keys()]).toEqual([...keys.keys.keys()]);
    expect(again.threshold).toBe(2);
  });

  it('stand in a root as a signed member, which the next root keeps', () => {
    const own = new TufSimulator();
    own.document('root')['x-vidimus-recovery'] = recoveryOf([spare]);
    own.next('root');
    const root = verifyRoot(context, own.bytes('root')).document;
    expect([...(recoveryKeysOf(root)?.keys.keys() ?? [])]).toEqual([spare.keyId]);
    expect(recoveryKeysOf(from)).toBeUndefined();
    expect(codeOf(() => recoveryKeysOf({ fields: { 'x-vidimus-recovery': 1 } }))).toBe('MALFORMED');
  });

  it('that one place got later, or lost, are not agreed on', () => {
    const [both, one] = [recovery([spare, second]), recovery([spare])];
    expect([...(agreedRecoveryKeys(both, one)?.keys.keys() ?? [])]).toEqual([spare.keyId]);
    expect(agreedRecoveryKeys(recovery([second]), one)).toBeUndefined();
    expect(agreedRecoveryKeys(undefined, one)).toBeUndefined();
    expect(agreedRecoveryKeys(recovery([spare, second], 2), one)).toBeUndefined();
  });
});

function hex(): fc.Arbitrary<string> {
  return fc.uint8Array({ minLength: 32, maxLength: 32 }).map((bytes) => Buffer.from(bytes).toString('hex'));
}
