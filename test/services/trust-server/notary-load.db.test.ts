/**
 * Many readers over a thousand repositories while others publish, race and delete, over PostgreSQL: nobody is shown a
 * server error or another repository's bytes, and whoever loses a race is told so in words.
 */

import { sha256Hex } from '@vidimus/crypto';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { z } from 'zod';
import {
  createWireRepository,
  type WireReply,
  type WireRepository,
} from '../../support/notary-clients/wire-publisher.ts';
import { createServiceBed } from '../../support/service-bed.ts';
import { ADMIN_TOKEN, type ServiceProcess } from '../../support/service-process.ts';

const repositoryCount = 1000;
const readerCount = 128;
/** Pairs: the two of a pair publish the same versions of the same repository. */
const writerCount = 16;
const publishesEach = 15;
const deleterCount = 4;
/** Those from here on are deleted and made again. */
const firstDeleted = 960;
const setUpConcurrency = 32;
/** A thousand repositories on a busy machine. */
const setUpMs = 240_000;

const documentSchema = z.looseObject({
  signed: z.looseObject({
    _type: z.string(),
    version: z.int(),
    targets: z.record(z.string(), z.unknown()).optional(),
  }),
  signatures: z.array(z.looseObject({ keyid: z.string() })),
});
const refusalSchema = z.object({
  errors: z.tuple([
    z.object({ code: z.literal('VERSION'), detail: z.object({ Error: z.object({ Msg: z.string() }) }) }),
  ]),
});

const bed = createServiceBed();
let service: ServiceProcess;
let repositories: readonly WireRepository[];

beforeAll(async () => {
  service = await bed.start((await bed.postgres()).options);
  repositories = await Promise.all(
    Array.from({ length: repositoryCount }, (_, index) =>
      createWireRepository({
        url: service.url,
        repository: `registry.example.com/load/r${index}`,
        authorization: `Bearer ${ADMIN_TOKEN}`,
      }),
    ),
  );
  const waiting = [...repositories.entries()];
  const worker = async (): Promise<void> => {
    for (let next = waiting.pop(); next !== undefined; next = waiting.pop()) {
      const reply = await next[1].create([tagOf(next[0], 1)]);
      if (reply.status !== 200) throw new Error(`creation: ${reply.status} ${reply.body}`);
    }
  };
  await Promise.all(Array.from({ length: setUpConcurrency }, worker));
}, setUpMs);
afterAll(() => bed.close());

describe('the Notary wire under load (postgres)', () => {
  it('shows readers their own repository, loses no publish, and tells who lost a race', async () => {
    const wrong: string[] = [];
    const counts = new Map<string, number>();
    let writing = true;
    const count = (what: string): void => {
      counts.set(what, (counts.get(what) ?? 0) + 1);
    };

    const reader = async (seed: number): Promise<void> => {
      const draw = sequence(seed);
      while (writing) {
        const index = draw(repositoryCount);
        const repository = at(index);
        const file = filesRead[draw(filesRead.length)] ?? 'root.json';
        const reply = await repository.get(file);
        count(`read ${reply.status}`);
        const mayBeGone = index >= firstDeleted;
        if (reply.status === 200) wrong.push(...foreign(index, repository, file, reply));
        else if (reply.status !== 404 || !mayBeGone)
          wrong.push(`${file} of r${index}: ${reply.status} ${reply.body}`);
        if (file !== 'targets.json' || reply.status !== 200) continue;
        // The peer's cache, keyed by hash alone, gave the documents of any repository through any other.
        const byHash = `targets.${sha256Hex(reply.body)}.json`;
        const [own, other] = [
          await repository.get(byHash),
          await at((index + 1) % repositoryCount).get(byHash),
        ];
        if (!own.body.equals(reply.body) && !mayBeGone) wrong.push(`${byHash} of r${index}: ${own.status}`);
        if (other.status !== 404) wrong.push(`${byHash} of r${index} through another: ${other.status}`);
      }
    };
    /** Publishes version after version; whoever shares the repository does the same. */
    const writer = async (number: number): Promise<void> => {
      const index = Math.floor(number / 2);
      for (let version = 2; version < 2 + publishesEach; version += 1) {
        const names = [tagOf(index, version), `${tagOf(index, version)}-by-${number}`];
        const reply = await at(index).publish(version, names);
        count(`publish ${reply.status}`);
        if (reply.status === 200) continue;
        const refusal = refusalSchema.safeParse(toJson(reply));
        if (reply.status !== 400 || !refusal.success) wrong.push(`publish: ${reply.status} ${reply.body}`);
        else if (!/\d+ is already published/.test(refusal.data.errors[0].detail.Error.Msg)) {
          wrong.push(`a lost race says ${refusal.data.errors[0].detail.Error.Msg}`);
        }
      }
    };
    const deleter = async (number: number): Promise<void> => {
      for (let index = firstDeleted + number; index < repositoryCount && writing; index += deleterCount) {
        const gone = await at(index).delete();
        if (gone.status !== 200) wrong.push(`delete: ${gone.status} ${gone.body}`);
        const again = await at(index).create([tagOf(index, 1)]);
        if (again.status !== 200) wrong.push(`creation after delete: ${again.status} ${again.body}`);
        count('delete');
      }
    };

    const readers = Array.from({ length: readerCount }, (_, seed) => reader(seed));
    await Promise.all([
      ...Array.from({ length: writerCount }, (_, number) => writer(number)),
      ...Array.from({ length: deleterCount }, (_, number) => deleter(number)),
    ]);
    writing = false;
    await Promise.all(readers);

    expect(wrong.slice(0, 20)).toEqual([]);
    // Of each version one was published, and everybody else who tried was refused.
    const pairs = writerCount / 2;
    expect(counts.get('publish 200')).toBe(pairs * publishesEach);
    expect(counts.get('publish 400')).toBe(pairs * publishesEach);
    expect(counts.get('read 200')).toBeGreaterThan(repositoryCount);
    for (let index = 0; index < pairs; index += 1) {
      const { signed } = documentSchema.parse(toJson(await at(index).get('targets.json')));
      expect(signed.version).toBe(1 + publishesEach);
    }
  });
});

const filesRead = [
  'root.json',
  '1.root.json',
  'timestamp.json',
  'snapshot.json',
  'targets.json',
  '1.targets.json',
];

/** What an answer shows that is not of the repository it was asked of. */
function foreign(
  index: number,
  repository: WireRepository,
  file: string,
  reply: WireReply,
): readonly string[] {
  const { signed, signatures } = documentSchema.parse(toJson(reply));
  const where = `${file} of r${index}`;
  const known =
    signed._type === 'Root'
      ? signatures.every(({ keyid }) => keyid === repository.rootKeyId)
      : signed._type === 'Targets'
        ? Object.keys(signed.targets ?? {}).every((name) => name.startsWith(`r${index}-v${signed.version}`))
        : signatures.every(({ keyid }) => repository.servedKeyIds.has(keyid));
  return known ? [] : [`${where} is another's: ${reply.body.toString('utf8').slice(0, 200)}`];
}

/** Says whose it is and of which version. */
function tagOf(index: number, version: number): string {
  return `r${index}-v${version}`;
}

function at(index: number): WireRepository {
  const repository = repositories[index];
  if (repository === undefined) throw new Error(`no repository ${index}`);
  return repository;
}

function toJson(reply: WireReply): unknown {
  return JSON.parse(reply.body.toString('utf8'));
}

/** Numbers below a bound, the same for the same seed (a linear congruential generator). */
function sequence(seed: number): (below: number) => number {
  let state = seed + 1;
  return (below) => {
    state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0;
    return Math.floor((state / 2 ** 32) * below);
  };
}
