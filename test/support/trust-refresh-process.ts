/**
 * A client in a process of its own: refreshes from a server, over a disk that may kill it.
 * Arguments: JSON of {server, repository, cache, root (base64), now, survives?}
 */
import { createClientCache, createTrustClient, realDisk } from '@vidimus/trust-client';
import { z } from 'zod';
import { crashingDisk } from './trust-crashing-disk.ts';

const { server, repository, cache, root, now, survives } = z
  .object({
    server: z.string(),
    repository: z.string(),
    cache: z.string(),
    root: z.string(),
    now: z.number(),
    survives: z.number().optional(),
  })
  .parse(JSON.parse(process.argv[2] ?? ''));

const dying = crashingDisk(survives ?? 0, () => {
  process.kill(process.pid, 'SIGKILL');
  throw new Error('still alive');
});
const client = createTrustClient({
  cache: createClientCache(cache, survives === undefined ? realDisk : dying.disk),
  now: () => now,
  settingsFor: () => ({ server, anchor: { kind: 'root', bytes: Buffer.from(root, 'base64') } }),
});
const facts = await client.open(repository).refresh();
process.stdout.write(JSON.stringify(facts.versions));
client.close();
