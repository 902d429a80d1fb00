/** Uploads, ends and keys over HTTP: what reaches the use case, and what is answered. */
import { NotaryError } from '@vidimus/notary';
import { TrustError } from '@vidimus/trust-server';
import { describe, expect, it } from 'vitest';
import { formOf, repository, token, tuf, upload, type WireForTest, wireForTest } from './wire-for-test.ts';

const bearer = { Authorization: `Bearer ${token}` };

/** Role and text of each part that reached the use case. */
const uploaded = ({ done }: WireForTest): unknown =>
  done.map(({ args }) =>
    (Array.isArray(args[1]) ? args[1] : []).map(({ role, bytes }: { role: string; bytes: Uint8Array }) => [
      role,
      Buffer.from(bytes).toString(),
    ]),
  );

const refusal = (code: string, message: string, reason: string): string =>
  `${JSON.stringify({ errors: [{ code, message, detail: { Name: 'ErrValidation', Error: { Msg: reason } } }] })}\n`;

describe('an upload', () => {
  it('hands over roles and bytes as sent, in any order, and answers with nothing', async () => {
    const wire = wireForTest();
    const answer = await wire.app.request(
      `${tuf}/`,
      upload([
        { filename: 'snapshot', text: 'S' },
        { filename: 'targets/releases.json', text: 'R' },
        { filename: 'timestamp', text: 'T' },
        { filename: 'root', text: '' },
      ]),
    );
    expect([answer.status, await answer.text(), answer.headers.get('content-length')]).toEqual([
      200,
      '',
      '0',
    ]);
    expect(answer.headers.get('content-type')).toBeNull();
    expect(uploaded(wire)).toEqual([
      [
        ['snapshot', 'S'],
        ['targets/releases', 'R'],
        ['timestamp', 'T'],
        ['root', ''],
      ],
    ]);
    expect(wire.done[0]?.call).toMatchObject({ actor: 'token:t1', mayCreate: true });
    expect(wire.edits.join()).toContain('"operation":"UpdateTUF","status":200');
  });

  it('passes on what only the use case can judge: an odd role, the same one twice, none at all', async () => {
    const wire = wireForTest();
    for (const names of [['no/such role.json.json'], ['root', 'root'], []]) {
      const files = names.map((filename) => ({ filename, text: 'x' }));
      expect((await wire.app.request(`${tuf}/`, upload(files))).status).toBe(200);
    }
    expect(uploaded(wire)).toEqual([
      [['no/such role.json', 'x']],
      [
        ['root', 'x'],
        ['root', 'x'],
      ],
      [],
    ]);
  });

  it.each<[string, RequestInit, string]>([
    [
      'that is no form',
      { method: 'POST', headers: { ...bearer, 'Content-Type': 'application/json' }, body: '{}' },
      refusal(
        'MALFORMED_UPLOAD',
        'The body of your request is malformed.',
        'expected Content-Type: multipart/form-data with a boundary',
      ),
    ],
    [
      'that is cut off',
      { ...upload([]), body: formOf([{ filename: 'root', text: 'x' }]).slice(0, -8) },
      refusal(
        'MALFORMED_UPLOAD',
        'The body of your request is malformed.',
        'the upload ends before its last boundary',
      ),
    ],
    [
      'with a file that has no name',
      upload([{ filename: '', text: 'x' }]),
      '{"errors":[{"code":"NO_FILENAME","message":"No file/role name provided."}]}\n',
    ],
    [
      'without a body',
      { method: 'POST', headers: { ...bearer, 'Content-Type': 'multipart/form-data; boundary=b0' } },
      refusal(
        'MALFORMED_UPLOAD',
        'The body of your request is malformed.',
        'the upload does not begin with its boundary',
      ),
    ],
  ])('%s is refused with a reason', async (_name, init, body) => {
    const wire = wireForTest();
    const answer = await wire.app.request(`${tuf}/`, init);
    expect([answer.status, await answer.text()]).toEqual([400, body]);
    expect(wire.done).toEqual([]);
  });

  it('is not read from who may not send one', async () => {
    const { app } = wireForTest();
    let taken = 0;
    const body = new ReadableStream<Uint8Array>(
      {
        pull(controller) {
          taken += 1;
          controller.enqueue(new Uint8Array(1_000));
        },
      },
      { highWaterMark: 0 },
    );
    const init: RequestInit & { duplex: 'half' } = { ...upload([], {}), body, duplex: 'half' };
    expect((await app.request(`${tuf}/`, init)).status).toBe(401);
    expect(taken).toBe(0);
  });

  it.each<[string, Error, number, string]>([
    [
      'a verdict of the validator',
      new NotaryError('INVALID_UPDATE', 'no pre-existing root and no root provided in update.'),
      400,
      refusal(
        'INVALID_UPDATE',
        'Update sent by the client is invalid.',
        'no pre-existing root and no root provided in update.',
      ),
    ],
    [
      'a lost race',
      new TrustError('VERSION_CONFLICT', 'targets version 2 is already published; run publish again'),
      400,
      refusal(
        'VERSION',
        'A newer version of metadata is already available.',
        'targets version 2 is already published; run publish again',
      ),
    ],
    [
      'dialects that would differ',
      new TrustError('DIALECTS_DISAGREE', 'tag 1.4 would differ'),
      400,
      refusal('INVALID_UPDATE', 'Update sent by the client is invalid.', 'tag 1.4 would differ'),
    ],
    [
      'a signer that is away',
      new TrustError('SIGNER_UNAVAILABLE', 'the signer cannot be reached'),
      503,
      refusal('UNAVAILABLE', 'service unavailable', 'the signer cannot be reached'),
    ],
    [
      'a defect',
      new Error('secret'),
      500,
      '{"errors":[{"code":"UNKNOWN","message":"unknown error","detail":{"request":"r1"}}]}\n',
    ],
  ])('ends with %s in the words of the wire', async (_name, error, status, body) => {
    const { app } = wireForTest({ service: { updateNotary: () => Promise.reject(error) } });
    const answer = await app.request(`${tuf}/`, upload([], { ...bearer, 'X-Request-Id': 'r1' }));
    expect([answer.status, await answer.text()]).toEqual([status, body]);
    expect(answer.headers.get('x-request-id')).toBe('r1');
  });

  it('never has an error that the clients cannot read to its end', async () => {
    const { app } = wireForTest({
      wire: { gunPrefixes: Array.from({ length: 100 }, (_, n) => `registry-${n}.example.com/`) },
      service: { updateNotary: () => Promise.reject(new TrustError('WOULD_BREAK', 'ü'.repeat(5_000))) },
    });
    const long = await app.request(`/v2/registry-1.example.com/a/_trust/tuf/`, upload([]));
    const outside = await app.request(`/v2/r.example/${'a'.repeat(240)}/_trust/tuf/`, upload([]));
    for (const answer of [long, outside]) {
      const body = await answer.text();
      expect([answer.status, Buffer.byteLength(body) < 1_024]).toEqual([400, true]);
      expect(() => JSON.parse(body)).not.toThrow();
    }
    const challenged = await app.request(
      `/v2/registry-1.example.com/${'a'.repeat(228)}/_trust/tuf/`,
      upload([], {}),
    );
    expect([challenged.status, Buffer.byteLength(await challenged.text()) < 1_024]).toEqual([401, true]);
  });

  it('of a stranger stands in the log only when it was taken', async () => {
    const { app, edits } = wireForTest({ wire: { access: 'open' } });
    expect((await app.request(`${tuf}/`, { method: 'POST' })).status).toBe(400);
    expect(edits).toEqual([]);
    expect((await app.request(`${tuf}/`, upload([], {}))).status).toBe(200);
    expect(edits.join()).toContain('"actor":"anonymous"');
  });

  it('waits for room like other writes', async () => {
    const { app } = wireForTest({ server: { concurrency: { upload: 0 } } });
    const answer = await app.request(`${tuf}/`, upload([]));
    expect([answer.status, answer.headers.get('retry-after')]).toEqual([503, '1']);
  });

  it('ends when its body does not', async () => {
    const wire = wireForTest();
    const body = new ReadableStream<Uint8Array>({
      start: (controller) => controller.enqueue(Uint8Array.of(45)),
    });
    const init: RequestInit & { duplex: 'half' } = { ...upload([]), body, duplex: 'half' };
    const pending = Promise.resolve(wire.app.request(`${tuf}/`, init));
    while (wire.deadlines.length === 0) await new Promise((resolve) => setImmediate(resolve));
    wire.deadlines[0]?.();
    expect((await pending).status).toBe(400);
    expect(wire.done).toEqual([]);
  });
});

describe('DELETE', () => {
  it('ends a repository, and one that is not there', async () => {
    const { app, done, edits } = wireForTest();
    for (const name of [repository, 'r.example/nothing']) {
      const answer = await app.request(`/v2/${name}/_trust/tuf/`, { method: 'DELETE', headers: bearer });
      expect([answer.status, await answer.text(), answer.headers.get('content-length')]).toEqual([
        200,
        '',
        '0',
      ]);
    }
    expect(done.map(({ name, args }) => [name, ...args])).toEqual([
      ['endNotary', 'token:t1', repository],
      ['endNotary', 'token:t1', 'r.example/nothing'],
    ]);
    expect(edits).toHaveLength(2);
  });
});

describe('keys', () => {
  it('are shown in the order of members that the peer has', async () => {
    const { app, done } = wireForTest();
    const answer = await app.request(`${tuf}/timestamp.key`, { headers: bearer });
    expect([answer.status, await answer.text(), answer.headers.get('content-type')]).toEqual([
      200,
      '{"keytype":"ed25519","keyval":{"public":"cHVibGlj","private":null}}',
      'text/plain; charset=utf-8',
    ]);
    expect(done.map(({ args }) => args)).toEqual([[repository, 'timestamp', 'current']]);
  });

  it('are rotated by POST', async () => {
    const { app, done, edits } = wireForTest();
    await app.request(`${tuf}/snapshot.key`, { method: 'POST', headers: bearer });
    expect(done.map(({ args }) => args)).toEqual([[repository, 'snapshot', 'rotate']]);
    expect(edits.join()).toContain('"operation":"RotateKey","status":200');
  });

  it('never show a private half, whatever the use case answers', async () => {
    const notaryKey = async () => ({ keytype: 'ecdsa', keyval: { public: 'cA==', private: 'c2VjcmV0' } });
    const answer = await wireForTest({ service: { notaryKey } }).app.request(`${tuf}/timestamp.key`, {
      headers: bearer,
    });
    expect(await answer.text()).not.toContain('c2VjcmV0');
  });
});
