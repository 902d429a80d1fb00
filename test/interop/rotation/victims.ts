/** A repository in both dialects where one key signs a role until it is revoked, and clients that read it through a relay. */
import type { ServiceBed } from '../../support/service-bed.ts';
import { closeAll, createFollowers, type Follower, readRoots, type Sight, type Tags } from './followers.ts';
import { type DialectName, entriesOf, type Person, personFor } from './people.ts';
import { type Relay, type Served, startRelay } from './relay.ts';
import { type Administrator, administer } from './trust-calls.ts';

export const dialects: readonly DialectName[] = ['tuf', 'notary'];
const managed = { custody: 'managed' };
const reason = 'laptop stolen';

export type Followers = ReadonlyMap<string, Follower>;

/** What a client found, or why it found nothing. */
export type Told = Tags | string;

export interface Revocable {
  readonly repository: string;
  readonly admin: Administrator;
  readonly relay: Relay;
  /** Clients that have followed it from the beginning. */
  readonly warm: Followers;
  /** What was served before the revocation. */
  readonly memory: ReadonlyMap<string, Served>;
  /** What is true; `move` changes it. */
  readonly expected: Tags;
  /** Holds the role until `revoke`, but for timestamp, which the service holds. */
  readonly mallory: Person;
  /** The tag that the role lists, or that lies below it. */
  readonly tag: string;
  /** The tag is another image from now on. */
  move(): Promise<void>;
  /** Ends mallory's keys: ben, or a new key of the service, has the role from then on. */
  revoke(): Promise<void>;
  /** For clients whose first root is that of today. */
  sight(): Promise<Sight>;
}

export async function openRevocable(bed: ServiceBed, url: string, role: string): Promise<Revocable> {
  const repository = `registry.example.com/revoked/${role}`;
  const admin = administer(url, repository);
  const person = (name: string) => personFor({ repository, dialects, role }, name);
  const [mallory, ben] = [person('mallory'), person('ben')];
  const people = [mallory, ben];
  await admin.publish('PUT', '', { dialects, roles: { root: { keys: [managed] } } });
  const keys = role === 'releases' ? entriesOf(mallory) : [managed];
  const delegation = { signers: [{ name: 'releases', keys }], threshold: 1, paths: ['r-*'] };
  await admin.publish('PUT', '/delegations/releases', delegation, people);
  if (role === 'targets') {
    await admin.publish('POST', '/roles/targets/rotations', { to: entriesOf(mallory), reason }, people);
  }
  const listing = role === 'releases' ? 'releases' : 'targets';
  const expected: Record<string, string> = {
    '1.0': await admin.sign('1.0', `1.0 of ${repository}`, 'targets', people),
    'r-1': await admin.sign('r-1', `r-1 of ${repository}`, 'releases', people),
  };
  const tag = role === 'releases' ? 'r-1' : '1.0';
  const relay = await startRelay(url);
  const sight = async (version: number): Promise<Sight> => ({
    url: relay.url,
    repository,
    roots: await readRoots(url, repository, dialects, version),
  });
  const warm = createFollowers(await sight(1), dialects);
  bed.afterwards(relay.close);
  bed.afterwards(async () => closeAll(warm));
  await ask(warm);
  return {
    repository,
    admin,
    relay,
    warm,
    memory: new Map(relay.memory),
    expected,
    mallory,
    tag,
    move: async () => {
      expected[tag] = await admin.sign(tag, `${expected[tag]}, and then`, listing, people);
    },
    revoke: async () => {
      for (const dialect of dialects) {
        const { keyId } = await admin.keyOf(role, dialect);
        const replacement = role === 'timestamp' ? managed : entriesOf(ben, dialect)[0];
        await admin.publish('POST', `/keys/${keyId}/revocation`, { reason, replacement }, people);
      }
    },
    sight: async () => await sight((await admin.versions())['root'] ?? 1),
  };
}

/** Looks both tags up with each of them. */
export async function ask(followers: Followers): Promise<Readonly<Record<string, Told>>> {
  const told = [...followers].map(async ([name, follower]): Promise<readonly [string, Told]> => {
    try {
      return [name, await follower.see(['1.0', 'r-1'])];
    } catch (error) {
      return [name, String(error)];
    }
  });
  return Object.fromEntries(await Promise.all(told));
}

/** As `ask`, with empty caches. */
export async function askCold(sight: Sight): Promise<Readonly<Record<string, Told>>> {
  const cold = createFollowers(sight, dialects);
  try {
    return await ask(cold);
  } finally {
    closeAll(cold);
  }
}

/** The same of every one of them. */
export function all<What>(followers: Followers, what: What): Readonly<Record<string, What>> {
  return Object.fromEntries([...followers.keys()].map((name) => [name, what]));
}
