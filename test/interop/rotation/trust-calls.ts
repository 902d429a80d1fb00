/** An administrator's calls about one repository, and the changes that people sign. */
import { expect } from 'vitest';
import { z } from 'zod';
import { type CallAnswer, callService, digestOf } from '../../support/service-calls.ts';
import { type DialectName, type Signatory, signaturesOf } from './people.ts';

const changeSchema = z.looseObject({
  id: z.string(),
  state: z.string(),
  documents: z.array(
    z.looseObject({
      dialect: z.enum(['tuf', 'notary']),
      role: z.string(),
      toSign: z.string(),
      thresholds: z.array(z.looseObject({ keyIds: z.array(z.string()) })),
    }),
  ),
});
export type Change = z.infer<typeof changeSchema>;

const roleSchema = z.looseObject({
  custody: z.string(),
  threshold: z.int(),
  keyIds: z.array(z.string()),
  independentCustodians: z.int(),
});
export type Role = z.infer<typeof roleSchema>;

const summarySchema = z.looseObject({ versions: z.record(z.string(), z.int()) });

const listedKeySchema = z.looseObject({
  keyId: z.string(),
  /** Among them the id of the bare public key, by which Notary clients name their files. */
  aliases: z.array(z.string()),
  roles: z.array(z.string()),
  dialects: z.array(z.string()),
});
const keysSchema = z.looseObject({ items: z.array(listedKeySchema) });
export type ListedKey = z.infer<typeof listedKeySchema>;

/** What others must sign: all of it, or what is left of something that was published at once. */
const pendingSchema = z.looseObject({ change: changeSchema.optional(), openChange: z.string().optional() });

export interface Administrator {
  readonly repository: string;
  /** One call below `/v2/<repository>/_trust`; whatever comes of it is an answer. */
  call(method: string, tail: string, body?: unknown): Promise<CallAnswer>;
  /** One call, and what these people sign of its change: published in the end. */
  publish(method: string, tail: string, body: unknown, people?: readonly Signatory[]): Promise<void>;
  /** Puts a digest of its own for every text behind a tag. */
  sign(tag: string, text: string, role: string, people?: readonly Signatory[]): Promise<string>;
  role(name: string): Promise<Role>;
  /** By role; root has the same in every dialect that began with it. */
  versions(): Promise<Readonly<Record<string, number>>>;
  /** The only key that a role lists now in one dialect. */
  keyOf(role: string, dialect: DialectName): Promise<ListedKey>;
}

export function administer(url: string, repository: string): Administrator {
  const call = (method: string, tail: string, body?: unknown) =>
    callService(url, method, `/v2/${repository}/_trust${tail}`, body === undefined ? {} : { body });
  const publish: Administrator['publish'] = async (method, tail, body, people = []) => {
    const answer = await call(method, tail, body);
    expect([200, 201, 202], `${method} ${tail}: ${JSON.stringify(answer.body)}`).toContain(answer.status);
    const { change: proposed, openChange } = pendingSchema.parse(answer.body);
    if (proposed === undefined && openChange === undefined) return;
    let change = proposed ?? changeSchema.parse((await call('GET', `/changes/${openChange}`)).body);
    for (const person of people) {
      const signatures = signaturesOf(change, person);
      if (signatures.length === 0 || change.state !== 'open') continue;
      const signed = await call('POST', `/changes/${change.id}/signatures`, { signatures });
      expect(signed.status, `${person.name} on ${tail}: ${JSON.stringify(signed.body)}`).toBe(200);
      change = changeSchema.parse(signed.body);
    }
    expect(change, `${method} ${tail}`).toMatchObject({ state: 'published' });
  };
  return {
    repository,
    call,
    publish,
    sign: async (tag, text, role, people) => {
      const digest = digestOf(text);
      await publish('PUT', `/tags/${tag}`, { digest, size: 100, role }, people);
      return digest;
    },
    role: async (name) => roleSchema.parse((await call('GET', `/roles/${name}`)).body),
    versions: async () => summarySchema.parse((await call('GET', '')).body).versions,
    keyOf: async (role, dialect) => {
      const { items } = keysSchema.parse((await call('GET', '/keys?limit=1000')).body);
      const [found, another] = items.filter(
        ({ roles, dialects }) => roles.includes(role) && dialects.includes(dialect),
      );
      if (found === undefined || another !== undefined)
        throw new Error(`not one key of ${role} in ${dialect}`);
      return found;
    },
  };
}
