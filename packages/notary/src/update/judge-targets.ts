/** Targets and all delegated roles of an upload, shallow first, each under its delegator after the upload. */
import {
  type Authority,
  assertNotExpired,
  type Delegation,
  isExpired,
  type Root,
  type Targets,
  TufError,
  verifyRole,
} from '@vidimus/tuf';
import { NotaryError } from '../errors.ts';
import { isDirectChild, toNotaryRole } from '../role-name.ts';
import { MAX_DELEGATED_ROLES } from './limits.ts';
import { judging, refusal } from './refusal.ts';
import { type AcceptedFile, accept, storedDocument, type UpdateContext } from './update-context.ts';
import { assertInsidePaths, assertUsableTargets } from './usable.ts';

/** The tree of targets roles after the upload. */
export interface TargetsTree {
  readonly accepted: readonly AcceptedFile[];
  /** What clients read: documents signed as their delegators say now, and not expired. */
  readonly documents: ReadonlyMap<string, Targets>;
  /** Every role that one of them delegates to, whether or not it has a file. */
  readonly delegated: ReadonlySet<string>;
}

/** A role as its delegator reaches it. */
interface Place {
  readonly role: string;
  readonly authority: Authority;
  /** From targets to the role. */
  readonly chain: readonly Delegation[];
}

/** @throws NotaryError */
export function judgeTargets(context: UpdateContext, root: Root): TargetsTree {
  const accepted: AcceptedFile[] = [];
  const documents = new Map<string, Targets>();
  const top = { keys: root.keys, roleKeys: root.roles.targets };
  const places: Place[] = [{ role: 'targets', authority: top, chain: [] }];
  // Grows while it is read: parents before their children.
  for (const place of places) {
    const bytes = context.parts.get(place.role);
    const file = bytes && judging(context, place.role, bytes, () => judgeUploaded(context, place, bytes));
    if (file !== undefined) accepted.push(file.accepted);
    const document = file?.document ?? readStored(context, place);
    if (document === undefined) continue;
    documents.set(place.role, document);
    places.push(...childrenOf(place, document));
    if (places.length > MAX_DELEGATED_ROLES + 1) {
      throw refusal(place.role, `more than ${MAX_DELEGATED_ROLES} delegated roles`);
    }
  }
  const delegated = new Set(places.map((place) => place.role));
  delegated.delete('targets');
  assertAllJudged(context, delegated);
  return { accepted, documents, delegated };
}

function judgeUploaded(
  context: UpdateContext,
  { role, authority, chain }: Place,
  bytes: Uint8Array,
): { readonly accepted: AcceptedFile; readonly document: Targets } {
  const file = verifyRole(context, 'targets', role, bytes, authority);
  const { document } = file;
  const stored = storedDocument(context, 'targets', role);
  assertUsableTargets(role, document);
  if (stored !== undefined && document.version <= stored.version) {
    assertNotBegunAnew(context, role, authority, stored);
  }
  const accepted = accept(context, file, stored);
  if (chain.length > 0) assertInsidePaths(role, document, chain, stored);
  return { accepted, document };
}

/**
 * A client cannot read what former keys signed, and begins with version 1, which nobody may read twice. `notary
 * witness` alone goes on from such a file.
 */
function assertNotBegunAnew(
  context: UpdateContext,
  role: string,
  authority: Authority,
  { version }: Targets,
): void {
  const bytes = context.stored.get(role);
  if (bytes === undefined || verifyStored(context, role, bytes, authority) !== undefined) return;
  const name = toNotaryRole(role);
  const why = `${name} version ${version} is signed by keys it no longer has`;
  throw new NotaryError('VERSION', `${why}; run notary witness for this role`, { role: name });
}

/** The stored file, as clients will read it after the upload; undefined where they pass it over. */
function readStored(context: UpdateContext, { role, authority }: Place): Targets | undefined {
  const bytes = context.stored.get(role);
  if (bytes === undefined) {
    if (role !== 'targets') return undefined;
    throw new NotaryError('INVALID_UPDATE', 'targets must be loaded first');
  }
  const document = verifyStored(context, role, bytes, authority);
  if (role !== 'targets') return document && isExpired(document, context.nowMs) ? undefined : document;
  if (document === undefined) {
    throw refusal(role, 'targets is not signed as the new root says: publish it in the same update');
  }
  // Clients cannot read what stands below expired targets; a root that mends them is welcome.
  if (hasDelegated(context)) {
    judging(context, role, bytes, () => assertNotExpired(role, document, context.nowMs));
  }
  return document;
}

function verifyStored(
  context: UpdateContext,
  role: string,
  bytes: Uint8Array,
  authority: Authority,
): Targets | undefined {
  try {
    return verifyRole(context, 'targets', role, bytes, authority).document;
  } catch (error) {
    // Whoever signed it lost the role.
    if (error instanceof TufError && error.code === 'THRESHOLD') return undefined;
    throw error;
  }
}

function childrenOf({ role, chain }: Place, document: Targets): readonly Place[] {
  const { delegations } = document;
  if (delegations === undefined) return [];
  const { keys, roles } = delegations;
  return roles
    .filter((delegation) => isDirectChild(role, delegation.name))
    .map((delegation) => ({
      role: delegation.name,
      authority: { keys, roleKeys: delegation },
      chain: [...chain, delegation],
    }));
}

function isTargetsRole(role: string): boolean {
  return role !== 'root' && role !== 'snapshot';
}

function hasDelegated({ parts }: UpdateContext): boolean {
  return [...parts.keys()].some((role) => isTargetsRole(role) && role !== 'targets');
}

function assertAllJudged({ parts }: UpdateContext, delegated: ReadonlySet<string>): void {
  for (const role of parts.keys()) {
    if (!isTargetsRole(role) || role === 'targets' || delegated.has(role)) continue;
    throw refusal(role, `tuf: invalid role ${toNotaryRole(role)}. delegation does not exist`);
  }
}
