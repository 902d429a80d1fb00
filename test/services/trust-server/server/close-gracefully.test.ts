import { Agent, createServer, request, type Server } from 'node:http';
import { closeGracefully } from '@vidimus/trust-server';
import { describe, expect, it } from 'vitest';

interface Fired {
  fire(): void;
  readonly cancelled: boolean;
}

/** A timer that the test fires. */
function timer(): { after: (ms: number, callback: () => void) => () => void; timer: Fired & { ms: number } } {
  const state = { ms: 0, cancelled: false, fire: (): void => undefined };
  return {
    timer: state,
    after: (ms, callback) => {
      state.ms = ms;
      state.fire = callback;
      return () => {
        state.cancelled = true;
      };
    },
  };
}

/** A server with one request under way that ends when `finish` is called. */
async function busyServer(): Promise<{ server: Server; finish: () => void; answer: Promise<string> }> {
  let finish = (): void => undefined;
  const arrived: { resolve: () => void; promise?: Promise<void> } = { resolve: () => undefined };
  arrived.promise = new Promise((resolve) => {
    arrived.resolve = resolve;
  });
  const server = createServer((_request, response) => {
    finish = () => {
      response.end('done');
    };
    arrived.resolve();
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const address = server.address();
  if (address === null || typeof address === 'string') throw new Error('not listening');
  const answer = new Promise<string>((resolve) => {
    request({ port: address.port, host: '127.0.0.1', agent: new Agent({ keepAlive: true }) }, (response) => {
      response.setEncoding('utf8').on('data', resolve);
    })
      .on('error', (error) => resolve(error.message))
      .end();
  });
  await arrived.promise;
  return { server, finish: () => finish(), answer };
}

describe('closeGracefully', () => {
  it('lets a running request end and takes no new one', async () => {
    const { server, finish, answer } = await busyServer();
    const { after, timer: clock } = timer();
    const closed = closeGracefully(server, { deadlineMs: 8_000, after });
    expect(server.listening).toBe(false);
    finish();
    expect(await answer).toBe('done');
    server.closeIdleConnections();
    expect(await closed).toBe('drained');
    expect([clock.ms, clock.cancelled]).toEqual([8_000, true]);
  });

  it('cuts what is left at the deadline', async () => {
    const { server, answer } = await busyServer();
    const { after, timer: clock } = timer();
    const closed = closeGracefully(server, { deadlineMs: 8_000, after });
    clock.fire();
    expect(await closed).toBe('cut');
    expect(await answer).toMatch(/hang up|ECONNRESET/);
  });

  it('says when the server was not running', async () => {
    const { after, timer: clock } = timer();
    await expect(closeGracefully(createServer(), { deadlineMs: 1, after })).rejects.toThrow();
    expect(clock.cancelled).toBe(true);
  });
});
