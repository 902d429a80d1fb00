/** One key in two hundred repositories, revoked by a process that is killed half-way. */
import { fromBase64, toHex } from '@vidimus/crypto';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { z } from 'zod';
import { changeSchema, jobSchema } from '../../../../../services/trust-server/src/schemas/index.ts';
import { createServiceBed, type ServiceBed } from '../../../../support/service-bed.ts';
import { callService, codeOf } from '../../../../support/service-calls.ts';
import type { ServiceOptions } from '../../../../support/service-process.ts';
import { type ClientKey, clientKey } from '../core-for-test.ts';

const stolen = clientKey('fleet stolen');
const [alice, dana] = [clientKey('fleet alice'), clientKey('fleet dana')];
const host = 'registry.example.com/fleet';
const atOnce = 8;
const counts = { managed: 150, signed: 40, alone: 10 };
const total = counts.managed + counts.signed + counts.alone;
const everywhere = `/v2/_trust/keys/${stolen.keyId}`;
const revocation = {
  reason: 'laptop stolen',
  compromisedSince: '2026-11-20T00:00:00Z',
  expect: { break: 10 },
};

let bed: ServiceBed;
beforeAll(() => {
  bed = createServiceBed();
});
afterAll(async () => {
  await bed.close();
});

const client = ({ declared }: ClientKey) => ({ custody: 'client', key: declared });

async function create(
  url: string,
  name: string,
  threshold: number,
  keys: readonly object[],
  signers: readonly ClientKey[],
): Promise<void> {
  const path = `/v2/${host}/${name}/_trust`;
  const made = await callService(url, 'PUT', path, { body: { roles: { root: { threshold, keys } } } });
  if (made.status === 201) return;
  const { change } = z.object({ change: changeSchema }).parse(made.body);
  const signatures = await Promise.all(
    signers.flatMap(({ keyId, signer }) =>
      change.documents.map(async ({ dialect, role, toSign }) => ({
        dialect,
        role,
        keyId,
        sig: toHex(await signer.sign(fromBase64(toSign))),
      })),
    ),
  );
  const signed = await callService(url, 'POST', `${path}/changes/${change.id}/signatures`, {
    body: { signatures },
  });
  expect(signed.body).toMatchObject({ state: 'published' });
}

async function createAll(url: string): Promise<void> {
  const own = { custody: 'managed' };
  const wanted = [
    ...names('managed').map((name) => () => create(url, name, 1, [own, client(stolen)], [])),
    ...names('signed').map(
      (name) => () => create(url, name, 2, [stolen, alice, dana].map(client), [alice, dana]),
    ),
    ...names('alone').map((name) => () => create(url, name, 1, [client(stolen)], [stolen])),
  ];
  while (wanted.length > 0) await Promise.all(wanted.splice(0, atOnce).map((make) => make()));
}

const names = (kind: keyof typeof counts): readonly string[] =>
  Array.from({ length: counts[kind] }, (_, index) => `${kind}-${String(index).padStart(3, '0')}`);

const summarySchema = z.object({ versions: z.object({ root: z.number() }), openChanges: z.number() });

async function assertAll(url: string, kind: keyof typeof counts, expected: object): Promise<void> {
  const left = names(kind).map((name) => async () => {
    const { body } = await callService(url, 'GET', `/v2/${host}/${name}/_trust`);
    const { versions, openChanges } = summarySchema.parse(body);
    expect({ name, root: versions.root, openChanges }).toEqual({ name, ...expected });
  });
  while (left.length > 0) await Promise.all(left.splice(0, atOnce).map((look) => look()));
}

async function job(url: string, id: string): Promise<z.infer<typeof jobSchema>> {
  return jobSchema.parse((await callService(url, 'GET', `/v2/_trust/jobs/${id}`)).body);
}

describe.each(['embedded', 'postgres'] as const)('a key in 200 repositories (%s)', (kind) => {
  it('is revoked by a process that dies half-way and one that goes on', async () => {
    const options: ServiceOptions =
      kind === 'postgres' ? (await bed.postgres()).options : { data: await bed.directory() };
    const first = await bed.start(options);
    await createAll(first.url);

    const impact = await callService(first.url, 'GET', `${everywhere}/impact`);
    expect(impact.body).toMatchObject({
      key: stolen.keyId,
      repositories: { total, safe: 150, needSignatures: 40, break: 10, denied: 0 },
    });
    const wrong = await callService(first.url, 'POST', `${everywhere}/revocation`, {
      body: { ...revocation, expect: { break: 0 } },
    });
    expect(codeOf(wrong)).toBe('IMPACT_CHANGED');
    const headers = { 'idempotency-key': `inc-${kind}` };
    const asked = await callService(first.url, 'POST', `${everywhere}/revocation`, {
      body: revocation,
      headers,
    });
    expect(asked.status).toBe(202);
    const { job: id } = jobSchema.parse(asked.body);
    expect(asked.headers.get('location')).toBe(`/v2/_trust/jobs/${id}`);
    let seen = await job(first.url, id);
    while (seen.done < total / 2) seen = await job(first.url, id);
    await first.kill();
    expect(seen.state).toBe('running');

    const second = await bed.start(options);
    // Asked again, in the same words or under the same idempotency key, it is the same job.
    const again = await callService(second.url, 'POST', `${everywhere}/revocation`, {
      body: revocation,
      headers,
    });
    expect(jobSchema.parse(again.body).job).toBe(id);
    seen = await job(second.url, id);
    while (seen.state === 'running') seen = await job(second.url, id);
    expect(seen).toMatchObject({ done: total, total, published: 150, hidden: 0 });
    expect(new Set(seen.changes).size).toBe(40);
    expect(seen.refused.map(({ repository, code }) => `${repository} ${code}`)).toEqual(
      names('alone').map((name) => `${host}/${name} WOULD_BREAK`),
    );

    await assertAll(second.url, 'managed', { root: 2, openChanges: 0 });
    await assertAll(second.url, 'signed', { root: 1, openChanges: 1 });
    await assertAll(second.url, 'alone', { root: 1, openChanges: 0 });
    const path = `/v2/${host}/new/_trust`;
    const body = { roles: { root: { keys: [{ custody: 'managed' }, client(stolen)] } } };
    expect(codeOf(await callService(second.url, 'PUT', path, { body }))).toBe('KEY_INVALID');
  });
});
