/** The roles of a repository as rows: who may sign, how many must, which version, until when. */
import type { DelegatedRole, TrustFacts } from '@vidimus/trust-client';
import { type Listing, TufError } from '@vidimus/tuf';

export interface RoleRow {
  readonly role: string;
  /** Of a delegated role. */
  readonly delegator?: string;
  readonly keyIds: readonly string[];
  /** In the `notary` dialect: as `docker trust inspect` shows them. */
  readonly canonicalKeyIds?: readonly string[];
  readonly paths?: readonly string[];
  readonly threshold: number;
  /** 0 where nothing was published. */
  readonly version: number;
  /** Milliseconds; 0 where nothing was published. */
  readonly expires: number;
  readonly problem?: string;
}

/** Root and targets, what they delegate, then what the service signs. */
export function roleRows(
  facts: TrustFacts,
  listing: Listing,
  delegations: readonly DelegatedRole[],
): readonly RoleRow[] {
  const { canonicalKeyIds } = facts;
  const top = (['root', 'targets', 'snapshot', 'timestamp'] as const).map((role) => ({
    role,
    ...facts.roles[role],
    ...(canonicalKeyIds === undefined ? {} : { canonicalKeyIds: canonicalKeyIds[role] }),
    version: facts.versions[role],
    expires: facts.expires[role],
  }));
  const [root, targets, ...online] = top;
  const delegated = facts.dialect === 'notary' ? signerRows(listing, delegations) : publishedRows(listing);
  return [root, targets, ...delegated, ...online].filter((row) => row !== undefined);
}

/** Hundreds of bins are one line to a person: the first to expire stands for all, one with a problem for itself. */
export function foldBins(rows: readonly RoleRow[]): readonly RoleRow[] {
  const bins = rows.filter(({ delegator, problem }) => delegator === 'bins' && problem === undefined);
  const first = bins.reduce<RoleRow | undefined>(
    (earliest, row) => (earliest === undefined || row.expires < earliest.expires ? row : earliest),
    undefined,
  );
  if (first === undefined || bins.length === 1) return rows;
  const folded = { ...first, role: `${first.role} and ${bins.length - 1} bins more` };
  return rows.flatMap((row) => (row === first ? [folded] : bins.includes(row) ? [] : [row]));
}

function publishedRows({ roles }: Listing): readonly RoleRow[] {
  return roles.map(({ role, delegator, result }): RoleRow => {
    if (result instanceof TufError) {
      return { role, delegator, keyIds: [], threshold: 0, version: 0, expires: 0, problem: result.code };
    }
    const { keyIds, threshold, document } = result;
    return { role, delegator, keyIds, threshold, version: document.version, expires: document.expires };
  });
}

/** Signers are there from the moment they are named, before they sign anything: Docker shows them so. */
function signerRows({ roles }: Listing, delegations: readonly DelegatedRole[]): readonly RoleRow[] {
  return delegations.map((delegation): RoleRow => {
    const visited = roles.find(
      ({ role, delegator }) => role === delegation.role && delegator === delegation.delegator,
    );
    if (visited === undefined) return { ...delegation, version: 0, expires: 0 };
    const { result } = visited;
    if (result instanceof TufError) return { ...delegation, version: 0, expires: 0, problem: result.code };
    return { ...delegation, version: result.document.version, expires: result.document.expires };
  });
}
