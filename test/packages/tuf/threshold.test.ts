import type { JsonObject } from '@vidimus/canonical-json';
import { tufDialect, verifyThreshold } from '@vidimus/tuf';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { codeOf } from '../../support/tuf-client.ts';
import { TufSimulator } from '../../support/tuf-simulator.ts';

const MOST = 1e7;

describe('counting', () => {
  const server = new TufSimulator();
  const [key] = server.signers.get('targets') ?? [];
  if (key === undefined) throw new Error('no key');
  const twin = { ...tufDialect.toKey(key.declared), keyId: 'twin' };
  const keys = new Map([
    [key.keyId, tufDialect.toKey(key.declared)],
    ['twin', twin],
  ]);
  const envelope = tufDialect.open(server.bytes('targets'), MOST);
  const [signature] = envelope.signatures;
  if (signature === undefined) throw new Error('no signature');

  it('refuses two signatures with one key id, whoever opened the file', () => {
    const doubled = { ...envelope, signatures: [signature, signature] };
    expect(codeOf(() => verifyThreshold(doubled, keys, { keyIds: [key.keyId], threshold: 1 }))).toBe(
      'MALFORMED',
    );
  });

  it('counts them once where the dialect allows them, whichever of them is valid', () => {
    const bad = { ...signature, value: signature.value.map((byte) => byte ^ 1) };
    for (const signatures of [
      [signature, signature],
      [bad, signature],
      [signature, bad],
    ]) {
      const doubled = { ...envelope, signatures, allowsRepeatedSigners: true };
      const roleKeys = { keyIds: [key.keyId], threshold: 1 };
      expect(verifyThreshold(doubled, keys, roleKeys).keyIds).toEqual([key.keyId]);
      expect(codeOf(() => verifyThreshold(doubled, keys, { ...roleKeys, threshold: 2 }))).toBe('THRESHOLD');
    }
  });

  it('tries a key four times, however many signatures it is said to have made', () => {
    let asked = 0;
    const { declared, usable } = tufDialect.toKey(key.declared);
    if (usable === undefined) throw new Error('no key');
    const verify = (): boolean => {
      asked += 1;
      return false;
    };
    const entries = [key.keyId, 'twin'].map((keyId) => ({ keyId, declared, usable: { ...usable, verify } }));
    const signatures = Array.from({ length: 1_000 }, (_, at) => ({
      ...signature,
      keyId: at % 2 === 0 ? key.keyId : 'twin',
    }));
    const many = { ...envelope, signatures, allowsRepeatedSigners: true };
    const roleKeys = { keyIds: [key.keyId, 'twin'], threshold: 1 };
    const count = () => verifyThreshold(many, new Map(entries.map((each) => [each.keyId, each])), roleKeys);
    expect(codeOf(count)).toBe('THRESHOLD');
    expect(asked).toBe(4);
  });

  it('skips a signature that names a method which is not one of its key', () => {
    const roleKeys = { keyIds: [key.keyId], threshold: 1 };
    const named = { ...envelope, signatures: [{ ...signature, method: 'eddsa' }] };
    const own = tufDialect.toKey(key.declared);
    const count = (methods: readonly string[] = []): string => {
      const entry = {
        keyId: own.keyId,
        declared: own.declared,
        usable: own.usable,
        usableBy: (method: string) => (methods.includes(method) ? own.usable : undefined),
      };
      return codeOf(() => verifyThreshold(named, new Map([[key.keyId, entry]]), roleKeys));
    };
    expect(count(['eddsa'])).toBe('accepted');
    expect(count(['ecdsa'])).toBe('THRESHOLD');
    expect(count()).toBe('THRESHOLD');
  });

  it('refuses two signatures with one key id on opening, whoever counts them', () => {
    const bytes = server.seal('targets', (file) => file.signatures.push({ keyid: key.keyId, sig: '' }));
    expect(codeOf(() => tufDialect.open(bytes, MOST))).toBe('MALFORMED');
  });

  it.each([0, -1, 1.5, Number.NaN, 2 ** 53])('refuses threshold %d', (threshold) => {
    expect(codeOf(() => verifyThreshold(envelope, keys, { keyIds: [key.keyId], threshold }))).toBe(
      'MALFORMED',
    );
  });

  it('credits the first id of a key that has two, once', () => {
    const signatures = [signature, { ...signature, keyId: 'twin' }];
    const roleKeys = { keyIds: [key.keyId, 'twin'], threshold: 1 };
    expect(verifyThreshold({ ...envelope, signatures }, keys, roleKeys).keyIds).toEqual([key.keyId]);
    expect(
      codeOf(() => verifyThreshold({ ...envelope, signatures }, keys, { ...roleKeys, threshold: 2 })),
    ).toBe('THRESHOLD');
  });

  it('tells which keys counted when they are too few', () => {
    const tooFew = () => verifyThreshold(envelope, keys, { keyIds: [key.keyId], threshold: 2 }, 'targets');
    expect(tooFew).toThrow(
      expect.objectContaining({ detail: { role: 'targets', threshold: 2, keyIds: [key.keyId] } }),
    );
  });
});

describe('signatures', () => {
  it('never verify after any bit of the signed part changed', () => {
    const server = new TufSimulator();
    const [key] = server.signers.get('targets') ?? [];
    if (key === undefined) throw new Error('no key');
    const keys = new Map([[key.keyId, tufDialect.toKey(key.declared)]]);
    const bytes = server.bytes('targets');
    const accepted = (file: Uint8Array): boolean => {
      const code = codeOf(() => {
        verifyThreshold(tufDialect.open(file, MOST), keys, { keyIds: [key.keyId], threshold: 1 });
      });
      expect(['accepted', 'MALFORMED', 'THRESHOLD', 'LIMIT']).toContain(code);
      return code === 'accepted';
    };
    expect(accepted(bytes)).toBe(true);
    fc.assert(
      fc.property(fc.nat({ max: bytes.length - 1 }), fc.nat({ max: 7 }), (at, bit) => {
        const flipped = Uint8Array.from(bytes);
        flipped[at] = (flipped[at] ?? 0) ^ (1 << bit);
        expect(accepted(flipped)).toBe(false);
      }),
      { seed: 13, numRuns: 2_000 },
    );
  });

  it('are checked against one canonical message per file, however many keys sign', () => {
    const messages = new Set<Uint8Array>();
    const ids = Array.from({ length: 50 }, (_, index) => `key ${index}`);
    const keys = new Map(
      ids.map((keyId) => {
        const verify = (message: Uint8Array): boolean => {
          messages.add(message);
          return true;
        };
        const usable = { scheme: 'ed25519' as const, materialId: keyId, spkiDer: Uint8Array.of(), verify };
        return [keyId, { keyId, declared: {}, usable }];
      }),
    );
    const signatures = ids.map((keyId) => ({ keyId, value: Uint8Array.of(1) }));
    const envelope = { ...tufDialect.open(new TufSimulator().bytes('targets'), MOST), signatures };
    expect(verifyThreshold(envelope, keys, { keyIds: ids, threshold: 50 }).keyIds).toEqual(ids);
    expect([...messages]).toEqual([envelope.message]);
  });
});

describe('cost', () => {
  /** Counts every look at an object. */
  const counted = (value: JsonObject, count: { looks: number }): JsonObject =>
    new Proxy(value, {
      get: (target, name, receiver) => {
        count.looks += 1;
        return Reflect.get(target, name, receiver);
      },
      ownKeys: (target) => {
        count.looks += 1;
        return Reflect.ownKeys(target);
      },
    });

  it('of decoding and deriving grows with the number of targets, not with its square', () => {
    const looks = [1_000, 2_000, 4_000].map((size) => {
      const server = new TufSimulator();
      for (let n = 0; n < size; n++) server.target('targets', `v${n}`, 'x');
      const envelope = tufDialect.open(server.seal('targets'), MOST);
      const targets = envelope.signed['targets'];
      if (typeof targets !== 'object' || targets === null || Array.isArray(targets))
        throw new Error('no targets');
      const count = { looks: 0 };
      const signed = { ...envelope.signed, targets: counted(targets as JsonObject, count) };
      const document = tufDialect.decode('targets', { ...envelope, signed });
      expect(document.targets.size).toBe(size + 1);
      tufDialect.encode(document);
      return count.looks;
    });
    const [small = 0, middle = 0, large = 0] = looks;
    expect(middle).toBeLessThan(2.1 * small);
    expect(large).toBeLessThan(2.1 * middle);
  });
});
