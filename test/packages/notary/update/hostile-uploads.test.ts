/** What anybody may send, at random: nothing altered passes, and nothing but a refusal is ever thrown. */
import { isJsonObject, type JsonObject, type JsonValue } from '@vidimus/canonical-json';
import { NotaryError } from '@vidimus/notary';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { type Files, pretendService, timestampKey } from './pretend-service.ts';
import {
  certifiedKey,
  edKey,
  type RootSpec,
  rootOf,
  seal,
  sealText,
  snapshotOf,
  targetsOf,
  type WireKey,
} from './wire-client.ts';

const rootKey = await certifiedKey('root');
const targetsKey = edKey('targets');
const carol = edKey('carol');
const clientKey = edKey('client snapshot');

const spec: RootSpec = {
  root: { keys: [rootKey] },
  targets: { keys: [targetsKey] },
  snapshot: { keys: [clientKey] },
  timestamp: { keys: [timestampKey] },
};

/** A first upload of every kind of file, and who signs each. */
const signedBy: Readonly<Record<string, WireKey>> = {
  root: rootKey,
  targets: targetsKey,
  'targets/carol': carol,
  snapshot: clientKey,
};
const documents: Readonly<Record<string, JsonObject>> = {
  root: rootOf(spec),
  targets: targetsOf({ targets: ['v1'], delegations: [{ name: 'targets/carol', keys: [carol] }] }),
  'targets/carol': targetsOf({ targets: ['c1'] }),
};

function upload(changed: Readonly<Record<string, JsonObject>> = {}): Files {
  const files: Record<string, Uint8Array> = {};
  for (const [role, document] of Object.entries({ ...documents, ...changed })) {
    const key = signedBy[role];
    if (key !== undefined && role !== 'snapshot') files[role] = seal(document, key);
  }
  files['snapshot'] = seal(changed['snapshot'] ?? snapshotOf(1, files), clientKey);
  return files;
}

/** `accepted`, or the code of the refusal; anything else that is thrown fails the test. */
function judge(files: Files): string {
  try {
    pretendService().judge(files);
    return 'accepted';
  } catch (error) {
    if (error instanceof NotaryError) return error.code;
    throw error;
  }
}

describe('an altered upload', () => {
  it('is refused for any single byte', () => {
    const files = upload();
    expect(judge(files)).toBe('accepted');
    const where = fc
      .constantFrom(...Object.keys(files))
      .chain((role) => fc.tuple(fc.constant(role), fc.nat((files[role]?.length ?? 1) - 1)));
    fc.assert(
      fc.property(where, fc.integer({ min: 1, max: 255 }), ([role, at], mask) => {
        const bytes = Uint8Array.from(files[role] ?? []);
        // The clients mind no case in the name of a method.
        fc.pre(!(mask === 0x20 && isInMethod(bytes, at)));
        bytes[at] = (bytes[at] ?? 0) ^ mask;
        expect(judge({ ...files, [role]: bytes }), `${role} at ${at}`).not.toBe('accepted');
      }),
      { seed: 3, numRuns: 500 },
    );
  });

  it('is refused cut off anywhere', () => {
    const files = upload();
    const bytes = files['targets'] ?? new Uint8Array();
    for (let length = 0; length < bytes.length; length += 7) {
      expect(judge({ ...files, targets: bytes.subarray(0, length) })).toBe('MALFORMED_JSON');
    }
  });
});

describe('an upload of anything at all', () => {
  const anyValue: fc.Arbitrary<JsonValue> = fc.oneof(
    fc.constantFrom<JsonValue>(null, true, 0, -1, 1, 2 ** 53 - 1, '', 'root', 'targets/a', [], {}, [null], {
      a: null,
    }),
    fc.jsonValue({ maxDepth: 2 }).map((value) => JSON.parse(JSON.stringify(value, withoutFractions))),
  );

  it('is accepted or refused, when one value of a well-signed document is another one', () => {
    const cases = fc.constantFrom(...Object.keys(signedBy)).chain((role) => {
      const document = role === 'snapshot' ? snapshotOf(1, upload()) : (documents[role] ?? {});
      return fc.tuple(fc.constant(role), fc.constantFrom(...placesIn(document)), anyValue);
    });
    fc.assert(
      fc.property(cases, ([role, place, value]) => {
        const document = role === 'snapshot' ? snapshotOf(1, upload()) : (documents[role] ?? {});
        judge(upload({ [role]: objectOf(replaceAt(document, place, value)) }));
      }),
      { seed: 21, numRuns: 400 },
    );
  });

  it('is accepted or refused, when it is random bytes or random JSON in an envelope', () => {
    const role = fc.constantFrom('root', 'targets', 'targets/carol', 'snapshot', 'timestamp', 'x');
    const file = fc.oneof(
      fc.uint8Array({ maxLength: 64 }),
      fc.json().map((json) => Buffer.from(json)),
      fc
        .tuple(fc.json(), fc.json())
        .map(([signed, signatures]) => Buffer.from(`{"signed":${signed},"signatures":${signatures}}`)),
    );
    const service = pretendService();
    service.publish(upload());
    fc.assert(
      fc.property(fc.array(fc.record({ role, bytes: file }), { minLength: 1, maxLength: 4 }), (parts) => {
        try {
          expect(service.judge({}, { parts }).accepted).toEqual([]);
        } catch (error) {
          expect(error).toBeInstanceOf(NotaryError);
        }
      }),
      { seed: 33, numRuns: 200 },
    );
  });

  it('costs no more than it is long, deep or numerous', () => {
    const deep = Buffer.from(`{"signed":${'['.repeat(200_000)}${']'.repeat(200_000)},"signatures":[]}`);
    expect(judge({ ...upload(), targets: deep })).toBe('INVALID_UPDATE');
    const signature = { keyid: 'a', method: 'eddsa', sig: 'AAAA' };
    const signed = sealText(targetsOf({})).replace(
      '[]}',
      `${JSON.stringify(Array(100_000).fill(signature))}}`,
    );
    expect(judge({ ...upload(), targets: Buffer.from(signed) })).toBe('INVALID_UPDATE');
    const digits = Buffer.from(`{"signed":{"version":${'9'.repeat(1_000_000)}},"signatures":[]}`);
    expect(judge({ ...upload(), targets: digits })).toBe('MALFORMED_JSON');
  });
});

function isInMethod(bytes: Uint8Array, at: number): boolean {
  const text = Buffer.from(bytes).toString('latin1');
  return [...text.matchAll(/"method":"(\w+)"/g)].some(
    ({ index, 0: found }) => at >= index && at < index + found.length,
  );
}

function withoutFractions(_key: string, value: unknown): unknown {
  return typeof value === 'number' ? (Math.trunc(value) % 2 ** 53) | 0 : value;
}

/** Paths to all values. */
function placesIn(value: JsonValue): readonly (readonly string[])[] {
  if (typeof value !== 'object' || value === null) return [[]];
  const inner = Object.entries(value).flatMap(([name, member]) =>
    placesIn(member).map((place) => [name, ...place]),
  );
  return [[], ...inner];
}

function replaceAt(value: JsonValue, [name, ...rest]: readonly string[], by: JsonValue): JsonValue {
  if (name === undefined) return by;
  if (Array.isArray(value)) {
    return value.map((item: JsonValue, at) => (String(at) === name ? replaceAt(item, rest, by) : item));
  }
  if (!isJsonObject(value)) return value;
  return { ...value, [name]: replaceAt(value[name] ?? null, rest, by) };
}

/** A document that is no object cannot be sealed here; the others test that. */
function objectOf(value: JsonValue): JsonObject {
  return isJsonObject(value) ? value : { _type: 'Targets' };
}
