/** `vidimus serve` with a role that owns nothing, beside the one that migrates. */
import { randomBytes } from 'node:crypto';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { startPostgres } from '../support/postgres-server.ts';
import { createServiceBed, type ServiceBed } from '../support/service-bed.ts';
import { callService, createManaged, putTag } from '../support/service-calls.ts';

const repository = 'registry.example.com/team/app';

let bed: ServiceBed;
beforeEach(() => {
  bed = createServiceBed();
});
afterEach(() => bed.close());

describe('a service whose role owns nothing', () => {
  it('migrates as the owner, serves as itself, and starts again without the owner', async () => {
    const server = await startPostgres();
    bed.afterwards(() => server.stop());
    const { url, migrateUrl } = await server.createRoles();
    const environment = {
      DATABASE_URL: url,
      VIDIMUS_MASTER_KEY: randomBytes(32).toString('base64'),
      VIDIMUS_ROOT_MASTER_KEY: randomBytes(32).toString('base64'),
    };
    const data = await bed.directory();
    const first = await bed.start({
      data,
      environment: { ...environment, DATABASE_MIGRATE_URL: migrateUrl },
    });
    await createManaged(first.url, repository);
    expect((await putTag(first.url, repository, '1.0')).status).toBe(200);
    await first.stop();

    const second = await bed.start({ data, environment });
    expect((await putTag(second.url, repository, '1.1')).status).toBe(200);
    const answer = await callService(second.url, 'GET', `/v2/${repository}/_trust/audit`);
    expect(answer.status).toBe(200);
    await second.stop();
  });
});
