/** Which documents come over: as they are where they are valid, signed again where their keys are here. */
import { toNotaryRole } from '@vidimus/notary';
import { type Authority, isExpired, type Targets, type Verified } from '@vidimus/tuf';
import { CliError } from '../../cli-error.ts';
import { exitCodes } from '../../exit-codes.ts';
import type { Collected } from './collect-documents.ts';
import { delegationsOf } from './describe-repository.ts';
import { canSign, type KeyFinder, openRoleKeys } from './find-keys.ts';
import { renewTargets } from './sign-document.ts';

/** What would end this soon is signed again: nobody should have to hurry right after a move. */
const renewWithinMs = 30 * 86_400_000;

export interface Carried {
  readonly file: Verified<Targets>;
  /** Signed again here, one version on. */
  readonly isRenewed: boolean;
}

export interface LeftBehind {
  /** As on the wire. */
  readonly role: string;
  readonly why: string;
  readonly fix: string;
}

export interface Cargo {
  /** Targets first, parents before children. */
  readonly carried: readonly Carried[];
  readonly leftBehind: readonly LeftBehind[];
}

/** @throws CliError TARGETS_MISSING, TARGETS_EXPIRED; and what opening keys throws */
export async function carryDocuments(collected: Collected, finder: KeyFinder, nowMs: number): Promise<Cargo> {
  const { repository, root, targets, delegations } = collected;
  if (targets === undefined) {
    throw new CliError(
      'TARGETS_MISSING',
      exitCodes.denied,
      `there is no targets document of ${repository} that verifies`,
      'make the repository anew here, and sign its tags again',
    );
  }
  const { keys, roles } = root.document;
  const top = await carryOne(repository, targets, { keys, roleKeys: roles.targets }, finder, nowMs);
  if (top === undefined) throw targetsExpired(repository);
  const carried: Carried[] = [top];
  const leftBehind: LeftBehind[] = [];
  const present = new Set(['targets']);
  for (const { name, delegator, ...authority } of delegationsOf(collected)) {
    const file = delegations.get(name);
    if (file === undefined || present.has(name)) continue;
    const role = toNotaryRole(name);
    const one = present.has(delegator)
      ? await carryOne(repository, file, authority, finder, nowMs)
      : undefined;
    if (one === undefined) {
      leftBehind.push({
        role,
        why: present.has(delegator)
          ? 'expired, and its key is not here'
          : 'the role that delegates to it stays behind',
        fix: 'its signer publishes it again here; until then its tags are not vouched for',
      });
      continue;
    }
    present.add(name);
    carried.push(one);
  }
  return { carried, leftBehind };
}

/** Undefined: it has expired, and cannot be signed again here. */
async function carryOne(
  repository: string,
  file: Verified<Targets>,
  authority: Authority,
  finder: KeyFinder,
  nowMs: number,
): Promise<Carried | undefined> {
  if (!isExpired(file.document, nowMs + renewWithinMs)) return { file, isRenewed: false };
  const { roleKeys, keys } = authority;
  if (canSign(finder, roleKeys, keys)) {
    const signers = await openRoleKeys(finder, toNotaryRole(file.role), roleKeys, keys);
    return { file: await renewTargets(repository, file, authority, signers, nowMs), isRenewed: true };
  }
  return isExpired(file.document, nowMs) ? undefined : { file, isRenewed: false };
}

function targetsExpired(repository: string): CliError {
  return new CliError(
    'TARGETS_EXPIRED',
    exitCodes.denied,
    `the targets of ${repository} have expired, and their key is in no trust directory here`,
    'copy the targets key of its keeper into the trust directory; if it is lost: make the repository anew here, and its clients forget the old one',
  );
}
