/** Many quick publishes of a repository in both dialects, while clients of both read it: at none the two disagree. */
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { callTrust, type TrustOrigin } from '../../support/notary-clients/call-trust.ts';
import { mirrorInTuf } from '../../support/notary-clients/mirror-in-tuf.ts';
import { createWireRepository } from '../../support/notary-clients/wire-publisher.ts';
import { TEST_CA } from '../../support/registry-tls.ts';
import { createServiceBed, type ServiceBed } from '../../support/service-bed.ts';
import { codeOf, digestOf, putTag } from '../../support/service-calls.ts';
import { ADMIN_TOKEN } from '../../support/service-process.ts';
import { type Watched, watchPublishes } from './count-publishes.ts';

const publishes = 50;
const tag = '1';

describe.each(['embedded', 'postgres'] as const)('every publish (%s)', (kind) => {
  let bed: ServiceBed;
  let server: TrustOrigin;
  beforeAll(async () => {
    bed = createServiceBed();
    const options = kind === 'postgres' ? (await bed.postgres()).options : { data: await bed.directory() };
    // Without TLS, whose handshakes would be most of the work; notary wants to be told some authority.
    server = { url: (await bed.start(options)).url, ca: TEST_CA };
  });
  afterAll(() => bed.close());

  /** @param publish - makes one publish, and answers what the tag is from then on */
  const hold = async (repository: string, publish: (count: number) => Promise<string | undefined>) => {
    const { tuf, notary, at, close } = await watchPublishes(server, repository, tag);
    bed.afterwards(async () => close());
    const digests = [(await at(0)).tuf];
    let goesOn = true;
    const write = async () => {
      for (let count = 1; count <= publishes; count += 1) digests.push(await publish(count));
      goesOn = false;
    };
    const seen: Watched[] = [];
    const read = async () => {
      while (goesOn) for (const next of [tuf, notary]) seen.push(await next());
      for (const next of [tuf, notary]) seen.push(await next());
    };
    await Promise.all([write(), read()]);
    const order = seen.map((each) => each.publish);
    // Whoever reads the one dialect and then the other is never sent back.
    expect(order).toEqual(order.toSorted((a, b) => a - b));
    expect(order.slice(-2)).toEqual([publishes, publishes]);
    for (const { publish, digest } of seen) expect(digest, `publish ${publish}`).toBe(digests[publish]);
    const published = await Promise.all(digests.map((_, count) => at(count)));
    expect(published).toEqual(digests.map((digest) => ({ tuf: digest, notary: digest })));
  };

  it('of the service says the same in both dialects', async () => {
    const repository = 'registry.example.com/managed';
    const body = { dialects: ['tuf', 'notary'], roles: { root: { keys: [{ custody: 'managed' }] } } };
    const path = `/v2/${repository}/_trust`;
    const admin = { token: ADMIN_TOKEN };
    expect((await callTrust(server, path, { ...admin, method: 'PUT', body })).status).toBe(201);
    await hold(repository, async (count) => {
      if (count % 5 === 0) {
        const revoked = await callTrust(server, `${path}/tags/${tag}`, { ...admin, method: 'DELETE' });
        expect(revoked.status).toBe(200);
        return undefined;
      }
      const digest = digestOf(`publish ${count}`);
      expect(codeOf(await putTag(server.url, repository, tag, { digest }))).toBeUndefined();
      return digest;
    });
  });

  it('of a Notary client says the same in both dialects', async () => {
    const repository = 'registry.example.com/mirrored';
    const authorization = `Bearer ${ADMIN_TOKEN}`;
    const owner = await createWireRepository({ url: server.url, repository, authorization });
    expect((await owner.create([tag])).status).toBe(200);
    await mirrorInTuf(server, repository, owner.rootKey);
    await hold(repository, async (count) => {
      const isThere = count % 3 !== 0;
      const { status } = await owner.publish(count + 1, isThere ? [tag, `v${count}`] : [`v${count}`]);
      expect(status).toBe(200);
      return isThere ? digestOf(`bytes of ${tag}`) : undefined;
    });
  });
});
