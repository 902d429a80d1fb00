/** Ports for programs that cannot say which one they got. */
import { once } from 'node:events';
import { connect, createServer } from 'node:net';

const startMs = 20_000;
const pauseMs = 20;

/** A port of the loopback that nobody listens on now. */
export async function freePort(): Promise<number> {
  const probe = createServer();
  probe.listen(0, '127.0.0.1');
  await once(probe, 'listening');
  const address = probe.address();
  probe.close();
  if (address === null || typeof address === 'string') throw new Error('no free port');
  return address.port;
}

/** Resolves as soon as somebody listens. */
export async function untilListening(port: number): Promise<void> {
  const deadline = Date.now() + startMs;
  while (Date.now() < deadline) {
    const socket = connect(port, '127.0.0.1');
    const connected = await once(socket, 'connect').then(
      () => true,
      () => false,
    );
    socket.destroy();
    if (connected) return;
    await new Promise((resolve) => setTimeout(resolve, pauseMs));
  }
  throw new Error(`nobody listens on port ${port}`);
}
