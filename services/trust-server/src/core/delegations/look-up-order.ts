/** Whom a client asks about a tag, one after the other: found with the dialect's own search, in documents that list nothing. */
import { BINS_ROLE, DEFAULT_LIMITS, drive, type Targets, TufError, tufDialect } from '@vidimus/tuf';
import { documentsReply, toVerified } from '../publish/agree.ts';
import { TAG_ROLE } from '../store/tags.ts';
import type { Delegating } from './delegation-tree.ts';

/** Documents of the `tuf` dialect. */
export interface LookUpDocuments extends Delegating {
  readonly bins?: Targets;
}

export interface LookUpOrder {
  /** The first of these that lists the tag answers; TAG_ROLE stands for top-level targets, also where bins list its tags. */
  readonly roles: readonly string[];
  /** A role that clients cannot verify now: whoever would come after it is never asked. */
  readonly endsAt?: string;
}

export function lookUpOrder({ targets, delegated, bins }: LookUpDocuments, tag: string): LookUpOrder {
  const roles: string[] = bins === undefined ? [TAG_ROLE] : [];
  let endsAt: string | undefined;
  const search = tufDialect.search({
    start: toVerified(TAG_ROLE, emptied(targets)),
    path: tag,
    maxDelegations: DEFAULT_LIMITS.delegations,
    // biome-ignore lint/correctness/useYield: what is in hand needs no step
    load: function* (_, role) {
      if (role === BINS_ROLE && bins !== undefined) {
        roles.push(TAG_ROLE);
        return toVerified(role, withoutDelegations(bins));
      }
      const document = delegated?.get(role);
      if (document === undefined) {
        endsAt = role;
        throw new TufError('ROLE_UNKNOWN', `role ${role} cannot be read`, { role });
      }
      roles.push(role);
      return toVerified(role, emptied(document));
    },
  });
  try {
    drive(search, documentsReply);
  } catch (error) {
    if (!(error instanceof TufError)) throw error;
  }
  return { roles, ...(endsAt === undefined ? {} : { endsAt }) };
}

const nothing: Targets['targets'] = new Map();

function emptied(document: Targets): Targets {
  return { ...document, targets: nothing };
}

function withoutDelegations({ delegations: _, ...document }: Targets): Targets {
  return { ...document, targets: nothing };
}
