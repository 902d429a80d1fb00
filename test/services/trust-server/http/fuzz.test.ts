import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { base, bearer, digest, serverForTest } from '../trust-server-for-test.ts';

const seed = 20_261_121;
const tails = [
  '',
  '/tags',
  '/tags/1.4.2',
  '/roles',
  '/revocations',
  `/revocations/${digest}`,
  '/changes/1/signatures',
];
const valid = JSON.stringify({
  sign: [{ tag: 'a', digest, size: 1, custom: { a: [1, 'ü'] } }],
  revoke: ['b'],
  roles: { root: { threshold: 1, keys: [{ custody: 'client', key: { keytype: 'ed25519' } }] } },
  signatures: [{ dialect: 'tuf', role: 'root', keyId: 'a'.repeat(64), sig: 'ab' }],
});

/** A valid body with bytes flipped, cut out and put in. */
const spoilt = fc
  .array(fc.tuple(fc.nat({ max: valid.length }), fc.nat({ max: 3 }), fc.uint8Array({ maxLength: 4 })), {
    maxLength: 6,
  })
  .map((edits) => {
    let bytes = Buffer.from(valid);
    for (const [at, cut, put] of edits) {
      bytes = Buffer.concat([bytes.subarray(0, at), Buffer.from(put), bytes.subarray(at + cut)]);
    }
    return new Uint8Array(bytes);
  });

const body = fc.oneof(
  spoilt,
  fc.uint8Array({ maxLength: 200 }),
  fc.json().map((text) => new TextEncoder().encode(text)),
);
const header = fc.stringMatching(/^[ -~]{0,40}$/);

describe('hostile requests with a good token', () => {
  it('get an answer of ours, never a failure', async () => {
    const { app, logged } = serverForTest();
    await fc.assert(
      fc.asyncProperty(
        fc.constantFrom('PUT', 'POST', 'DELETE'),
        fc.constantFrom(...tails),
        body,
        header,
        header,
        async (method, tail, bytes, ifMatch, key) => {
          const response = await app.request(`${base}${tail}`, {
            method,
            headers: { ...bearer, 'If-Match': ifMatch, 'Idempotency-Key': key },
            body: bytes,
          });
          expect(response.status).toBeLessThan(500);
          expect(response.headers.get('content-type')).toBe('application/json');
          expect(response.headers.get('location')).toBeNull();
        },
      ),
      { seed, numRuns: 300 },
    );
    expect(logged).toEqual([]);
  });

  it('get one for any path and query', async () => {
    const { app, logged } = serverForTest();
    await fc.assert(
      fc.asyncProperty(
        fc.string({ maxLength: 60, unit: 'binary' }),
        fc.webQueryParameters(),
        async (path, query) => {
          for (const prefix of ['/', '/v2/', '/v2/_trust/', `${base}/`]) {
            const response = await app.request(`http://localhost${prefix}${encodeURI(path)}?${query}`, {
              headers: bearer,
            });
            expect(response.status).toBeLessThan(500);
          }
        },
      ),
      { seed, numRuns: 200 },
    );
    expect(logged).toEqual([]);
  });
});
