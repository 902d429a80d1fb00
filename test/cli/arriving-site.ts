/** A service of ours that repositories come to: what it is asked to import is written down, and answers get lost. */
import { getRequestListener } from '@hono/node-server';
import { z } from 'zod';
import { startServer } from '../support/registry-server.ts';
import { openSite } from './publishing-world.ts';

const importBody = z.object({
  roots: z.array(z.string()),
  update: z.record(z.string(), z.string()),
  highest: z.object({ timestamp: z.int(), snapshot: z.int() }),
});

export interface ArrivingSite {
  readonly origin: string;
  /** Time of the service, milliseconds since 1970. */
  readonly clock: { nowMs: number };
  readonly imports: z.infer<typeof importBody>[];
  /** The answers to imports get lost, after they were made. */
  losesAnswer: boolean;
  readonly close: () => Promise<void>;
}

export async function openArrivingSite(): Promise<ArrivingSite> {
  const site = await openSite();
  const found = { imports: [] as ArrivingSite['imports'], losesAnswer: false };
  const listener = getRequestListener(async (request, bindings) => {
    const isImport = request.method === 'POST' && request.url.endsWith('/_trust/imports');
    if (isImport) found.imports.push(importBody.parse(await request.clone().json()));
    const answer = await site.app.fetch(request, bindings);
    if (isImport && found.losesAnswer) bindings.outgoing.destroy();
    return answer;
  });
  const server = await startServer((request, response) => void listener(request, response));
  return Object.assign(found, {
    origin: server.origin,
    clock: site.clock,
    close: async () => {
      await server.close();
      await site.close();
    },
  });
}
