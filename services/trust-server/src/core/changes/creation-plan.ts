/** The keys of a creation, as its change keeps them: what its documents are made again from. */
import type { JsonObject } from '@vidimus/canonical-json';
import type { DialectName, RepositoryKeys } from '@vidimus/tuf';
import { z } from 'zod';
import { codecOf } from '../dialects.ts';
import { repositoryRoles } from './creation-request.ts';
import type { DialectKeys } from './first-documents.ts';

const keySetSchema = z.strictObject({
  keys: z.array(
    z.custom<JsonObject>((value) => typeof value === 'object' && value !== null && !Array.isArray(value)),
  ),
  threshold: z.int(),
});
const planSchema = z.strictObject({
  creation: z.array(
    z.strictObject({
      dialect: z.enum(['tuf', 'notary']),
      roles: z.strictObject({
        root: keySetSchema,
        targets: keySetSchema,
        snapshot: keySetSchema,
        timestamp: keySetSchema,
        revocations: keySetSchema,
      }),
    }),
  ),
});

/** For the column. */
export function printCreation(parts: readonly DialectKeys[]): unknown {
  return {
    creation: parts.map(({ dialect, keys }) => ({
      dialect,
      roles: Object.fromEntries(
        repositoryRoles.map((role) => [
          role,
          { keys: keys[role].keys.map(({ declared }) => declared), threshold: keys[role].threshold },
        ]),
      ),
    })),
  };
}

/** The keys of one dialect; undefined for a change of before this was kept. */
export function parseCreation(plan: unknown, dialect: DialectName): RepositoryKeys | undefined {
  if (plan === undefined || plan === null) return undefined;
  const found = planSchema.parse(plan).creation.find((part) => part.dialect === dialect);
  if (found === undefined) return undefined;
  const of = (role: keyof RepositoryKeys): RepositoryKeys['root'] => {
    const { keys, threshold } = found.roles[role];
    return { keys: keys.map((declared) => codecOf(dialect).toKey(declared)), threshold };
  };
  return {
    root: of('root'),
    targets: of('targets'),
    snapshot: of('snapshot'),
    timestamp: of('timestamp'),
    revocations: of('revocations'),
  };
}
