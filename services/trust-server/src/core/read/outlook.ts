/** What is ahead over all repositories, for metrics: counted in the background now and then, never when somebody asks. */
import { type Queries, trustHeads, trustRepositories } from '@vidimus/database';
import { and, eq, isNotNull, isNull, sql } from 'drizzle-orm';
import type { CertificateEnds } from './certificate-ends.ts';
import { readFleetProblems } from './summary.ts';

/** Reads a few columns of every repository: some hundred milliseconds for ten thousand of them. */
export const outlookMaxAgeMs = 5 * 60_000;

/** Who signs a file anew: the service by itself, or those who hold its keys. */
export type RenewedBy = 'service' | 'holders';

export interface Outlook {
  readonly repositories: number;
  /** How many repositories have a problem of each code. */
  readonly withProblem: ReadonlyMap<string, number>;
  /** How many have none. */
  readonly ok: number;
  readonly openChanges: number;
  /** Milliseconds since 1970; absent where nothing is renewed by these. */
  readonly nearestExpiryMs: ReadonlyMap<RenewedBy, number>;
}

export async function readOutlook(
  queries: Queries,
  certificates: CertificateEnds,
  nowMs: number,
): Promise<Outlook> {
  const { rows, open } = await readFleetProblems(queries, certificates, { mayRead: () => true }, nowMs);
  const withProblem = new Map<string, number>();
  for (const { problems } of rows) {
    for (const code of new Set(problems.map((problem) => problem.code))) {
      withProblem.set(code, (withProblem.get(code) ?? 0) + 1);
    }
  }
  return {
    repositories: rows.length,
    withProblem,
    ok: rows.filter(({ problems }) => problems.length === 0).length,
    openChanges: [...open.values()].reduce((sum, ids) => sum + ids.length, 0),
    nearestExpiryMs: await readNearest(queries),
  };
}

async function readNearest(queries: Queries): Promise<ReadonlyMap<RenewedBy, number>> {
  const isRenewed = sql<boolean>`${trustHeads.resignAfter} is not null`;
  const rows = await queries
    .select({
      isRenewed,
      expiresSeconds: sql<number>`extract(epoch from min(${trustHeads.expiresAt}))::float8`,
    })
    .from(trustHeads)
    .innerJoin(
      trustRepositories,
      and(
        eq(trustRepositories.repository, trustHeads.repository),
        eq(trustRepositories.incarnation, trustHeads.incarnation),
        isNull(trustRepositories.endedAt),
        isNotNull(trustRepositories.activatedAt),
      ),
    )
    .groupBy(isRenewed);
  return new Map(
    rows.map((row) => [row.isRenewed ? 'service' : 'holders', Number(row.expiresSeconds) * 1_000]),
  );
}

export interface OutlookParts {
  readonly read: () => Promise<Outlook>;
  readonly now: () => number;
  /** Absent: nobody wants to know. */
  readonly tell?: ((outlook: Outlook) => void) | undefined;
}

/** Looks again when the last look is old; asked by the loop of background work. */
export function createOutlook({ read, now, tell }: OutlookParts): () => Promise<void> {
  let lookedMs = Number.NEGATIVE_INFINITY;
  return async () => {
    const nowMs = now();
    if (tell === undefined || nowMs - lookedMs < outlookMaxAgeMs) return;
    // A look that fails is not repeated at once either.
    lookedMs = nowMs;
    tell(await read());
  };
}
