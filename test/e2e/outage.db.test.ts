/** PostgreSQL goes away under load and comes back: writers are told, readers go on, nobody has to restart anything. */
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { createServiceBed, lostPublishes, type ServiceBed } from '../support/service-bed.ts';
import { callService, codeOf, createManaged, putTag } from '../support/service-calls.ts';
import { startLoad } from '../support/service-load.ts';

const repository = 'registry.example.com/team/app';
/** A service that sees its database again need not be waited for. */
const recoveryMs = 5_000;

let bed: ServiceBed;
beforeEach(() => {
  bed = createServiceBed();
});
afterEach(() => bed.close());

const pause = (ms: number): Promise<void> => new Promise((resolve) => setTimeout(resolve, ms));

describe('a PostgreSQL that stops', () => {
  it('costs writers a 503 with Retry-After, readers nothing, and is used again by itself', async () => {
    const { server, options } = await bed.postgres(true);
    const service = await bed.start(options);
    const { url } = service;
    await createManaged(url, repository);
    const witness = await bed.witness(repository);
    await witness.verify(url);
    const load = startLoad({ repository, prefix: 'outage', urls: [url, url, url], retryMs: 50 });
    while (load.acknowledged.size < 20) await pause(20);

    await server.restart(async () => {
      const refused = await putTag(url, repository, 'while-down');
      expect([refused.status, codeOf(refused)]).toEqual([503, 'DATABASE_UNAVAILABLE']);
      expect(refused.headers.get('retry-after')).toMatch(/^[1-9]\d*$/);
      for (let round = 0; round < 20; round += 1) {
        await witness.look(url);
        await pause(100);
      }
      expect((await callService(url, 'GET', '/healthz')).status).toBe(200);
      expect((await callService(url, 'GET', '/readyz')).status).toBe(503);
      const unknown = await callService(
        url,
        'GET',
        '/v2/registry.example.com/other/_trust/metadata/1.root.json',
      );
      expect([unknown.status, codeOf(unknown)]).toEqual([503, 'DATABASE_UNAVAILABLE']);
    });

    const atReturn = load.acknowledged.size;
    const until = Date.now() + recoveryMs;
    while (load.acknowledged.size < atReturn + 20 && Date.now() < until) await pause(50);
    await load.stop();
    expect(load.acknowledged.size).toBeGreaterThanOrEqual(atReturn + 20);
    expect(new Set(load.refusals.map(({ what }) => what))).toEqual(new Set(['503 DATABASE_UNAVAILABLE']));
    expect(load.refusals.filter(({ retryAfter }) => retryAfter === null)).toEqual([]);
    while ((await callService(url, 'GET', '/readyz')).status !== 200 && Date.now() < until) await pause(100);
    const seen = await witness.verify(url, 'first');
    expect(lostPublishes(load.acknowledged, seen)).toEqual([]);
    expect([seen.versions.snapshot, seen.versions.targets]).toEqual([
      seen.versions.timestamp,
      seen.versions.timestamp,
    ]);
  });

  it('does not keep the service from ending in order', async () => {
    const { server, options } = await bed.postgres(true);
    const service = await bed.start(options);
    await createManaged(service.url, repository);
    await server.restart(async () => {
      await putTag(service.url, repository, 'while-down');
      const before = Date.now();
      const { exit, stderr } = await service.stop();
      expect([exit, stderr]).toEqual([0, expect.any(String)]);
      expect(Date.now() - before).toBeLessThan(10_000);
    });
  });

  it('before the start is exit 5 with its own code, and another start finds all as it was', async () => {
    const { server, options } = await bed.postgres(true);
    const first = await bed.start(options);
    await createManaged(first.url, repository);
    await first.stop();
    await server.restart(async () => {
      await expect(bed.start(options)).rejects.toThrow(/ended with 5: .*"code":"UNAVAILABLE"/);
    });
    const second = await bed.start(options);
    expect((await putTag(second.url, repository, 'v1')).status).toBe(200);
  });
});
