/** Stands between a program and its PostgreSQL server, writes down what is executed, and can hold answers back. */
import { once } from 'node:events';
import { connect, createServer, type Socket } from 'node:net';

export interface PostgresRelay {
  /** Of the same database, through the relay. */
  readonly url: string;
  /** Statements since the last `forget`, in the order in which they were sent. */
  readonly executed: readonly string[];
  forget(): void;
  /** From a statement with the first text on, answers wait until one with the second has been sent. */
  holdAnswers(from: string, until: string): void;
  close(): Promise<void>;
}

/** @see PostgreSQL documentation, "Message Formats" */
const messageTypes = { parse: 0x50, bind: 0x42, query: 0x51 };

export async function startPostgresRelay(url: string): Promise<PostgresRelay> {
  const target = new URL(url);
  const executed: string[] = [];
  const sockets = new Set<Socket>();
  let held: { readonly from: string; readonly until: string; isHolding: boolean } | undefined;

  const heard = (text: string): void => {
    executed.push(text);
    if (held === undefined) return;
    if (text.includes(held.from)) held.isHolding = true;
    if (text.includes(held.until)) held = undefined;
  };

  const server = createServer((client) => {
    const upstream = connect(Number(target.port), target.hostname);
    const withheld: Buffer[] = [];
    const release = (): void => {
      for (const answer of withheld.splice(0)) client.write(answer);
    };
    for (const socket of [client, upstream]) {
      sockets.add(socket);
      socket.on('error', () => socket.destroy()).once('close', () => sockets.delete(socket));
    }
    const read = readStatements(heard);
    client.on('data', (data) => {
      read(data);
      upstream.write(data);
      if (held?.isHolding !== true) release();
    });
    upstream.on('data', (data) => {
      withheld.push(data);
      if (held?.isHolding !== true) release();
    });
    client.once('close', () => upstream.destroy());
    upstream.once('close', () => client.destroy());
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const address = server.address();
  if (address === null || typeof address === 'string') throw new Error('the relay has no port');
  const own = new URL(url);
  own.host = `127.0.0.1:${address.port}`;
  return {
    url: own.href,
    executed,
    forget: () => {
      executed.length = 0;
    },
    holdAnswers: (from, until) => {
      held = { from, until, isHolding: false };
    },
    close: async () => {
      for (const socket of sockets) socket.destroy();
      server.close();
      await once(server, 'close');
    },
  };
}

/** Follows one connection from its start-up message on. */
function readStatements(heard: (text: string) => void): (data: Buffer) => void {
  const prepared = new Map<string, string>();
  let rest: Buffer = Buffer.alloc(0);
  let hasStarted = false;
  return (data) => {
    rest = Buffer.concat([rest, data]);
    for (;;) {
      const lengthAt = hasStarted ? 1 : 0;
      if (rest.length < lengthAt + 4) return;
      const end = lengthAt + rest.readUInt32BE(lengthAt);
      if (rest.length < end) return;
      const [type, body] = [hasStarted ? rest[0] : undefined, rest.subarray(lengthAt + 4, end)];
      rest = rest.subarray(end);
      hasStarted = true;
      const [first = '', second = ''] = body.toString('latin1').split('\0', 2);
      if (type === messageTypes.parse) prepared.set(first, second);
      if (type === messageTypes.bind) heard(prepared.get(second) ?? '');
      if (type === messageTypes.query) heard(first);
    }
  };
}
