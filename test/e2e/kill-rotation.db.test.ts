/** `kill -9` of the service at many moments of a rotation: afterwards it has happened, or it has not. */
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { z } from 'zod';
import { createServiceBed, type ServiceBed } from '../support/service-bed.ts';
import { callService, createManaged, digestOf, putTag } from '../support/service-calls.ts';
import type { ServiceOptions } from '../support/service-process.ts';

const repository = 'registry.example.com/team/app';
/** When the kill comes: shares of the time that the last whole rotation took. */
const moments = [0, 0.4, 0.6, 0.75, 0.9, 1, 4];
const roles = ['root', 'targets', 'timestamp'] as const;

let bed: ServiceBed;
beforeEach(() => {
  bed = createServiceBed();
});
afterEach(() => bed.close());

const summarySchema = z.object({
  versions: z.record(z.string(), z.int()),
  roles: z.record(z.string(), z.object({ keyIds: z.array(z.string()) })),
  openChanges: z.int(),
});

async function summaryOf(url: string): Promise<z.infer<typeof summarySchema>> {
  return summarySchema.parse((await callService(url, 'GET', `/v2/${repository}/_trust`)).body);
}

async function rotate(url: string, role: string): Promise<number> {
  const body = { to: [{ custody: 'managed' }], reason: 'killed' };
  const path = `/v2/${repository}/_trust/roles/${role}/rotations`;
  return (await callService(url, 'POST', path, { body })).status;
}

/** Milliseconds that it takes. */
async function timed(work: () => Promise<unknown>): Promise<number> {
  const start = performance.now();
  await work();
  return performance.now() - start;
}

async function killAgainAndAgain(options: ServiceOptions): Promise<void> {
  const witness = await bed.witness(repository);
  let service = await bed.start(options);
  await createManaged(service.url, repository);
  await putTag(service.url, repository, '1.0');
  const tags = new Map([['1.0', digestOf('1.0')]]);
  await witness.verify(service.url);
  const outcomes = new Set<string>();
  for (const [round, share] of moments.entries()) {
    const pauseMs = share * (await timed(() => rotate(service.url, 'snapshot')));
    const role = roles[round % roles.length] ?? 'root';
    const before = await summaryOf(service.url);
    const asked = rotate(service.url, role).catch(() => undefined);
    await new Promise((resolve) => setTimeout(resolve, pauseMs));
    await service.kill();
    const status = await asked;
    service = await bed.start(options);
    const after = await summaryOf(service.url);
    const isDone = after.versions['root'] === (before.versions['root'] ?? 0) + 1;
    outcomes.add(isDone ? 'new' : 'old');
    if (!isDone) expect([status, after.roles]).toEqual([undefined, before.roles]);
    else {
      expect(after.roles[role]?.keyIds).not.toEqual(before.roles[role]?.keyIds);
      expect({ ...after.roles, [role]: before.roles[role] }).toEqual(before.roles);
    }
    // Whoever saw the state before, and whoever comes for the first time, goes on to the tags.
    expect((await witness.verify(service.url)).tags).toEqual(tags);
    const tag = `r${round}`;
    expect((await putTag(service.url, repository, tag)).status).toBe(200);
    tags.set(tag, digestOf(tag));
  }
  await witness.verify(service.url, 'first');
  expect((await summaryOf(service.url)).openChanges).toBe(0);
  expect([...outcomes].sort()).toEqual(['new', 'old']);
  expect((await service.stop()).exit).toBe(0);
}

describe(`a rotation that is killed ${moments.length} times`, () => {
  it('on PostgreSQL leaves the old keys or the new ones', async () => {
    await killAgainAndAgain((await bed.postgres()).options);
  });

  it('on the embedded database leaves the old keys or the new ones', async () => {
    await killAgainAndAgain({ data: await bed.directory() });
  });
});
