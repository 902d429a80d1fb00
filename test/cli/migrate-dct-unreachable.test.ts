/** Servers that are not reached: the report says which option named them, and who has to vouch for them. */
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { z } from 'zod';
import { type FakeNotary, standOn, startFakeNotary } from '../support/notary-fake.ts';
import { startServer, type TestServer } from '../support/registry-server.ts';
import { type Migrant, openMigrant } from './migrating-world.ts';
import { NOW } from './publishing-world.ts';

const web = 'registry.example.com/acme/web';
const nobody = 'http://127.0.0.1:1';
let old: FakeNotary;
/** With a certificate from an authority that nobody here knows. */
let unknown: TestServer;
let machine: Migrant;

beforeAll(async () => {
  old = await startFakeNotary();
  await standOn(old.files, { repository: web });
  unknown = await startServer((_, response) => response.end('{}'), { tls: true });
  machine = await openMigrant(() => NOW);
});
afterAll(async () => {
  await old.server.close();
  await unknown.close();
  await machine.close();
});

const failure = z.object({ code: z.string(), hint: z.string().optional() });
const answers = z.union([
  z.object({ error: failure }).transform(({ error }) => error),
  z
    .object({ repositories: z.array(z.object({ notMoved: failure })).length(1) })
    .transform(({ repositories }) => repositories[0]?.notMoved),
]);

async function failureOf(...words: readonly string[]) {
  const list = join(machine.home, 'repositories.txt');
  writeFileSync(list, web);
  const { exit, stdout } = await machine.run(['migrate', 'dct', '--repositories', list, ...words, '--json'], {
    environment: { VIDIMUS_TOKEN: 'somebody' },
  });
  return [exit, answers.parse(JSON.parse(stdout))];
}

it.each([
  ['the old server is not there', () => ['--from', nobody], /^check --from and the network/],
  ['nobody vouches for the old server', () => ['--from', unknown.origin], /--from-ca FILE$/],
  [
    'the service is not there',
    () => ['--from', old.server.origin, '--to', nobody],
    /^check --to and the network/,
  ],
  [
    'nobody vouches for the service',
    () => ['--from', old.server.origin, '--to', unknown.origin],
    /NODE_EXTRA_CA_CERTS=FILE/,
  ],
] as const)('names the way out where %s', async (_, words, hint) => {
  expect(await failureOf(...words())).toEqual([
    4,
    { code: 'UNREACHABLE', hint: expect.stringMatching(hint) },
  ]);
});
