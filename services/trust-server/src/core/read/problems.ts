/** What needs attention in a repository, and how to mend it. */
import type { DialectName } from '@vidimus/tuf';
import type { Problem } from '../../schemas/index.ts';
import { printTime } from '../instants.ts';
import { uncertainFix } from '../recovery/uncertain.ts';

const day = 86_400_000;
/** A role that people must renew is announced this long before, or when this share of its life is left. */
const noticeMs = 30 * day;
const noticeShare = 0.25;
/** A certificate cannot be signed anew, only replaced by a root; Notary clients warn half a year before it ends. */
const certificateNoticeMs = 182 * day;
/** A role that the service renews at half-life is late when less than this share of a day-long life is left. */
const lateShare = 0.25;

/** What is named of the paths of others, which may be many and long. */
const maxNotMirrored = 20;
const maxPathLength = 256;

export interface RoleLife {
  readonly role: string;
  /** Where it is not the dialect whose versions people are told. */
  readonly dialect?: DialectName;
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
  /** The root of a mirrored dialect lists other keys than the owner's root does now. */
  readonly rootIsOutdated: boolean;
  /** Paths that a mirrored dialect leaves out, because they are no tags. */
  readonly notMirrored?: readonly string[];
  /** The backup that it was restored from, while it is not known how far it had come. */
  readonly restoredFrom?: string | undefined;
  /** Roles that list a key which was revoked. */
  readonly revokedKeys?: readonly { readonly role: string; readonly keyId: string }[] | undefined;
  /** When the first certificate of its Notary root ends, and whether a Notary client holds that root. */
  readonly certificate?: { readonly endsMs: number; readonly isForeign: boolean } | undefined;
  /** Also name client-held roles, and certificates, that end within this. */
  readonly expiringWithinMs?: number;
}

export const problemCodes = [
  'VERSION_UNCERTAIN',
  'ROLE_EXPIRED',
  'ROLE_EXPIRING',
  'KEY_EXPIRING',
  'ROOT_ONLINE',
  'MIRROR_ROOT_OUTDATED',
  'TARGET_NOT_MIRRORED',
  'KEY_REVOKED_LISTED',
  'CHANGE_OPEN',
] as const;

/** Their codes are `problemCodes`. */
export function findProblems(input: ProblemInput): readonly Problem[] {
  const { nowMs, expiringWithinMs } = input;
  const problems: Problem[] = [];
  if (input.restoredFrom !== undefined) problems.push({ code: 'VERSION_UNCERTAIN', fix: uncertainFix });
  for (const { role, dialect, expiresMs, lifetimeMs, renewed } of input.roles) {
    const expires = printTime(expiresMs);
    const left = expiresMs - nowMs;
    const about = { role, ...(dialect === undefined ? {} : { dialect }), expires, fix: fixOf(role, renewed) };
    if (left <= 0) problems.push({ code: 'ROLE_EXPIRED', ...about });
    else if (left < (renewed ? lifetimeMs * lateShare : (expiringWithinMs ?? noticeOf(lifetimeMs)))) {
      problems.push({ code: 'ROLE_EXPIRING', ...about });
    }
  }
  problems.push(...certificateProblems(input));
  if (input.rootIsOnline) {
    problems.push({
      code: 'ROOT_ONLINE',
      role: 'root',
      fix: 'whoever breaks into the service owns this repository: create it with a root key that you hold (vidimus init)',
    });
  }
  if (input.rootIsOutdated) {
    problems.push({
      code: 'MIRROR_ROOT_OUTDATED',
      role: 'root',
      fix: `a Notary client changed the root keys; where the old ones and the new ones are: vidimus init ${input.repository} --dialect tuf,notary`,
    });
  }
  for (const path of (input.notMirrored ?? []).slice(0, maxNotMirrored)) {
    problems.push({
      code: 'TARGET_NOT_MIRRORED',
      tag: path.slice(0, maxPathLength),
      fix: 'it is no tag with a SHA-256, so clients of the dialect tuf do not see it: nothing to do unless it should be one',
    });
  }
  for (const { role, keyId } of input.revokedKeys ?? []) {
    problems.push({
      code: 'KEY_REVOKED_LISTED',
      role,
      fix: `${role} still lists the revoked key ${keyId}: sign the change that takes it out, or revoke it here with a replacement (vidimus key impact ${keyId})`,
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

function certificateProblems(input: ProblemInput): readonly Problem[] {
  const { repository, nowMs, certificate, expiringWithinMs = 0 } = input;
  if (certificate === undefined) return [];
  const { endsMs, isForeign } = certificate;
  if (endsMs - nowMs >= Math.max(certificateNoticeMs, expiringWithinMs)) return [];
  const command = isForeign
    ? `notary key rotate ${repository} root`
    : `vidimus key rotate ${repository} root`;
  const fix = `a certificate of the Notary root key ends and cannot be renewed, only replaced: ${command}`;
  return [{ code: 'KEY_EXPIRING', role: 'root', dialect: 'notary', expires: printTime(endsMs), fix }];
}

/** Of a role that lives for a month, a month would be always. */
function noticeOf(lifetimeMs: number): number {
  return Math.min(noticeMs, lifetimeMs * noticeShare);
}

function fixOf(role: string, renewed: boolean): string {
  return renewed
    ? `the service renews ${role} by itself and could not: look at its log and at /readyz`
    : `sign ${role} anew with the keys that you hold`;
}
