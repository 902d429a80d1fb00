/** Somebody between clients and the trust server, over plain HTTP, who remembers what was served and may answer otherwise. */
import { once } from 'node:events';
import { createServer } from 'node:http';

export interface Served {
  readonly status: number;
  readonly bytes: Uint8Array;
}

/** What a client gets instead, if anything. */
export type Rule = (path: string, honest: Served) => Served | undefined;

export interface Relay {
  readonly url: string;
  /** The newest honest answer to every path that was asked for. */
  readonly memory: ReadonlyMap<string, Served>;
  /** From now on this decides; without a rule the server does. */
  obey(rule?: Rule): void;
  close(): Promise<void>;
}

const upstreamMs = 20_000;

export async function startRelay(upstream: string): Promise<Relay> {
  const memory = new Map<string, Served>();
  let obeyed: Rule | undefined;
  const server = createServer((incoming, response) => {
    const path = incoming.url ?? '/';
    const answer = async (): Promise<void> => {
      const from = await fetch(`${upstream}${path}`, { signal: AbortSignal.timeout(upstreamMs) });
      const honest = { status: from.status, bytes: new Uint8Array(await from.arrayBuffer()) };
      const { status, bytes } = obeyed?.(path, honest) ?? honest;
      if (obeyed === undefined) memory.set(path, honest);
      response.writeHead(status, { 'content-type': 'application/json', 'content-length': bytes.length });
      response.end(bytes);
    };
    // The client sees a broken connection, the test what the client says about it.
    answer().catch(() => response.destroy());
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const address = server.address();
  return {
    url: `http://127.0.0.1:${typeof address === 'object' ? address?.port : ''}`,
    memory,
    obey: (rule) => {
      obeyed = rule;
    },
    close: async () => {
      server.closeAllConnections();
      await new Promise((resolve) => server.close(resolve));
    },
  };
}
