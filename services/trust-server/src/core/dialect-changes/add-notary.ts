/** The dialect `notary` for a repository in `tuf` whose tags the service signs. */
import type { Queries } from '@vidimus/database';
import type { Root } from '@vidimus/tuf';
import type { AddDialects } from '../../schemas/index.ts';
import { TrustError } from '../../service.ts';
import type { EventDraft } from '../audit/event-chain.ts';
import { firstTerms } from '../changes/create.ts';
import { clientKeysIn, type RoleRequest, toRootRequest } from '../changes/creation-request.ts';
import { firstDocuments } from '../changes/first-documents.ts';
import { assertAllCustodians, type FirstPart } from '../changes/first-publish.ts';
import { type CurrentDocuments, readCurrent } from '../publish/current-documents.ts';
import { termsOf } from '../publish/notary-part.ts';
import { isSignable } from '../publish/publication.ts';
import { headsIn, type RoleHeads, readHeads } from '../store/metadata.ts';
import type { RepositoryRow } from '../store/repositories.ts';
import type { DialectParts } from './dialect-parts.ts';
import { assertExpressible } from './expressible.ts';
import { makeNewKeys } from './new-keys.ts';
import type { Prepared } from './prepared.ts';
import type { Addition } from './publish-addition.ts';

/** @throws TrustError DIALECT_INEXPRESSIBLE, CUSTODY_INVALID, THRESHOLD_INVALID, KEY_INVALID; TufError EDIT_INVALID */
export async function prepareNotary(
  parts: DialectParts,
  tx: Queries,
  row: RepositoryRow,
  body: AddDialects,
  nowMs: number,
): Promise<Prepared> {
  const { current } = await readTuf(parts, tx, row);
  const request = toRequest(row, current.root, body);
  const { keys, made } = await makeNewKeys(parts.keys, row.repository, 'notary', request);
  const first = { dialect: 'notary', keys, terms: await firstTerms(tx, row, 'notary', nowMs) } as const;
  assertAllCustodians(first, new Set(made.map(({ key }) => key.keyId)));
  const { root } = firstDocuments(first, first.terms);
  return { dialect: 'notary', first, made, root, byClients: request.managedKeys < request.threshold };
}

/** What is published once its root is signed. @throws TrustError DIALECT_INEXPRESSIBLE */
export async function notaryAddition(
  parts: DialectParts,
  tx: Queries,
  row: RepositoryRow,
  first: FirstPart,
  event: Omit<EventDraft, 'versions'>,
  nowMs: number,
): Promise<Addition> {
  const { current, heads } = await readTuf(parts, tx, row);
  return {
    first,
    tags: current.targets.targets,
    present: { dialect: 'tuf', base: current, terms: termsOf(row, 'tuf', heads, nowMs) },
    settings: row.settings,
    event,
  };
}

async function readTuf(
  { reader }: DialectParts,
  tx: Queries,
  row: RepositoryRow,
): Promise<{ readonly current: CurrentDocuments; readonly heads: RoleHeads }> {
  const heads = headsIn(await readHeads(tx, row), 'tuf');
  const current = await readCurrent(reader, tx, row, heads);
  assertExpressible(current.targets, current.bins);
  if (isSignable(current.root.roles.targets, new Set(row.settings.managed))) return { current, heads };
  throw new TrustError(
    'CUSTODY_INVALID',
    'the service publishes both dialects together, so it must hold the keys of targets',
    { role: 'targets', custody: 'client' },
  );
}

/** The threshold of root is the same in both; its holders are never fewer than they were. */
function toRequest({ settings }: RepositoryRow, { roles }: Root, { roles: given }: AddDialects): RoleRequest {
  const { threshold } = roles.root;
  const isOnline = isSignable(roles.root, new Set(settings.managed));
  const keys = given?.root?.keys;
  if (keys === undefined && !isOnline) {
    throw new TrustError(
      'CUSTODY_INVALID',
      'say who holds root in the dialect notary: roles.root.keys is [{"custody":"client","dialect":"notary","key":{…}}], ' +
        'a certificate for this repository',
      { role: 'root', dialect: 'notary', choices: ['client'] },
    );
  }
  const request = toRootRequest({ threshold, ...(keys === undefined ? {} : { keys }) }, ['notary']);
  if (!isOnline && request.managedKeys >= threshold) {
    throw new TrustError(
      'CUSTODY_INVALID',
      'clients hold root in the dialect tuf: it is not left online in the dialect notary',
      { role: 'root', dialect: 'notary', choices: ['client'] },
    );
  }
  const count = request.managedKeys + clientKeysIn(request, 'notary').length;
  if (count >= threshold) return request;
  throw new TrustError(
    'THRESHOLD_INVALID',
    `root has ${count} keys in the dialect notary, fewer than its threshold of ${threshold}`,
    { role: 'root', dialect: 'notary', keys: count, threshold },
  );
}
