/** Bodies of uploads against a client with bad intentions: too much, too slow, too many at once, cut off. */
import { describe, expect, it } from 'vitest';
import { createUploadReader } from '../../../../services/trust-server/src/http/read-upload.ts';

const megabyte = 1_048_576;
const type = { 'Content-Type': 'multipart/form-data; boundary=b' };
const head = '--b\r\nContent-Disposition: form-data; name="files"; filename="targets"\r\n\r\n';

function request(body: ReadableStream<Uint8Array> | string, headers: Record<string, string> = {}): Request {
  const init: RequestInit & { duplex: 'half' } = {
    method: 'POST',
    headers: { ...type, ...headers },
    body,
    duplex: 'half',
  };
  return new Request('http://localhost/', init);
}

/** A body of so many megabytes that counts what was taken of it. */
function endless(megabytes: number): { readonly body: ReadableStream<Uint8Array>; taken: number } {
  const state = { taken: 0 };
  const body = new ReadableStream<Uint8Array>(
    {
      pull(controller) {
        if (state.taken === 0) controller.enqueue(new TextEncoder().encode(head));
        if (state.taken >= megabytes) return controller.close();
        state.taken += 1;
        controller.enqueue(new Uint8Array(megabyte).fill(120));
      },
    },
    { highWaterMark: 0 },
  );
  return Object.defineProperty({ body, taken: 0 }, 'taken', { get: () => state.taken });
}

const never = () => () => undefined;

describe('createUploadReader', () => {
  it('reads a body that comes in pieces', async () => {
    const text = `${head}{"a":1}\r\n--b--\r\n`;
    const body = new ReadableStream<Uint8Array>({
      start(controller) {
        for (const byte of new TextEncoder().encode(text)) controller.enqueue(Uint8Array.of(byte));
        controller.close();
      },
    });
    const files = await createUploadReader(never).read(request(body));
    expect(files.map(({ filename, bytes }) => [filename, Buffer.from(bytes).toString()])).toEqual([
      ['targets', '{"a":1}'],
    ]);
  });

  it('stops at 32 MiB of a body of 100 MB, holding no more than that', async () => {
    const upload = endless(100);
    const before = process.memoryUsage();
    await expect(createUploadReader(never).read(request(upload.body))).rejects.toMatchObject({
      code: 'MALFORMED_UPLOAD',
      message: 'the upload is larger than 33554432 bytes',
    });
    const after = process.memoryUsage();
    expect(upload.taken).toBeLessThanOrEqual(34);
    expect(after.arrayBuffers - before.arrayBuffers).toBeLessThan(48 * megabyte);
  });

  it('does not read a body that says it is too large, or that is compressed', async () => {
    const upload = endless(1);
    const large = request(upload.body, { 'Content-Length': '100000000' });
    await expect(createUploadReader(never).read(large)).rejects.toMatchObject({ code: 'MALFORMED_UPLOAD' });
    const packed = request(upload.body, { 'Content-Encoding': 'gzip' });
    await expect(createUploadReader(never).read(packed)).rejects.toMatchObject({ code: 'MALFORMED_UPLOAD' });
    expect(upload.taken).toBe(0);
  });

  it('ends a body that drips', async () => {
    const deadlines: (() => void)[] = [];
    const reader = createUploadReader((_ms, callback) => {
      deadlines.push(callback);
      return () => undefined;
    });
    let cancelled = false;
    const body = new ReadableStream<Uint8Array>({
      start: (controller) => controller.enqueue(Uint8Array.of(45)),
      cancel: () => {
        cancelled = true;
      },
    });
    const reading = reader.read(request(body));
    deadlines[0]?.();
    await expect(reading).rejects.toMatchObject({
      code: 'MALFORMED_UPLOAD',
      message: 'the upload did not arrive within 30 seconds',
    });
    expect(cancelled).toBe(true);
  });

  it('is busy when all uploads together would take too much, and free again afterwards', async () => {
    const reader = createUploadReader(never);
    const slow = (): { readonly reading: Promise<unknown>; end(): void } => {
      let finish = (): void => undefined;
      const body = new ReadableStream<Uint8Array>({
        start(controller) {
          controller.enqueue(new Uint8Array(30 * megabyte));
          finish = () => controller.close();
        },
      });
      const reading = reader.read(request(body)).catch((error: unknown) => error);
      return { reading, end: () => finish() };
    };
    const held = [slow(), slow()];
    await new Promise((resolve) => setImmediate(resolve));
    await expect(reader.read(request(endless(10).body))).rejects.toMatchObject({ code: 'BUSY' });
    for (const { reading, end } of held) {
      end();
      await reading;
    }
    await expect(reader.read(request(`${head}x\r\n--b--`))).resolves.toHaveLength(1);
  });

  it('says that a body ended early', async () => {
    const body = new ReadableStream<Uint8Array>({
      pull: (controller) => controller.error(new Error('aborted')),
    });
    await expect(createUploadReader(never).read(request(body))).rejects.toMatchObject({
      code: 'MALFORMED_UPLOAD',
    });
  });
});
