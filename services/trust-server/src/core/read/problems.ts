/** What needs attention in a repository, and how to mend it. */
import type { Problem } from '../../schemas.ts';
import { printTime } from '../instants.ts';

const day = 86_400_000;
/** A role that people must renew is announced this long before. */
const noticeMs = 30 * day;
/** A role that the service renews at half-life is late when less than this share of a day-long life is left. */
const lateShare = 0.25;

export interface RoleLife {
  readonly role: string;
  readonly expiresMs: number;
  /** Lifetime of new versions. */
  readonly lifetimeMs: number;
  /** The service signs the role anew by itself. */
  readonly renewed: boolean;
}

export interface ProblemInput {
  readonly repository: string;
  readonly nowMs: number;
  readonly roles: readonly RoleLife[];
  readonly rootIsOnline: boolean;
  readonly openChanges: readonly string[];
  /** Also name client-held roles that expire within this. */
  readonly expiringWithinMs?: number;
}

/** Codes: ROLE_EXPIRED, ROLE_EXPIRING, ROOT_ONLINE, CHANGE_OPEN. */
export function findProblems(input: ProblemInput): readonly Problem[] {
  const { nowMs, expiringWithinMs = noticeMs } = input;
  const problems: Problem[] = [];
  for (const { role, expiresMs, lifetimeMs, renewed } of input.roles) {
    const expires = printTime(expiresMs);
    const left = expiresMs - nowMs;
    if (left <= 0) problems.push({ code: 'ROLE_EXPIRED', role, expires, fix: fixOf(role, renewed) });
    else if (left < (renewed ? lifetimeMs * lateShare : expiringWithinMs)) {
      problems.push({ code: 'ROLE_EXPIRING', role, expires, fix: fixOf(role, renewed) });
    }
  }
  if (input.rootIsOnline) {
    problems.push({
      code: 'ROOT_ONLINE',
      role: 'root',
      fix: 'whoever breaks into the service owns this repository: create it with a root key that you hold (vidimus init)',
    });
  }
  for (const change of input.openChanges) {
    problems.push({
      code: 'CHANGE_OPEN',
      fix: `sign or reject it: vidimus change show ${change}`,
    });
  }
  return problems;
}

function fixOf(role: string, renewed: boolean): string {
  return renewed
    ? `the service renews ${role} by itself and could not: look at its log and at /readyz`
    : `sign ${role} anew with the keys that you hold`;
}
