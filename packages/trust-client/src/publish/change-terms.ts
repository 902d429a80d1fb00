/** Times and versions of a change: when it was made, what it stands on, how long its documents live. */
import {
  type DialectName,
  type EditTerms,
  MAX_LIFETIME_MS,
  MIN_LIFETIME_MS,
  parseTime,
  type Root,
  type Targets,
} from '@vidimus/tuf';
import { TrustClientError } from '../errors.ts';
import type { PresentState } from '../present-state.ts';
import type { Change } from './answers.ts';
import type { DescribedEdit } from './described-edit.ts';
import { durationToMs } from './duration.ts';
import type { EditContext } from './edit-context.ts';
import { mismatch } from './offered-document.ts';

/** How far a lifetime may be from the present one where the edit does not speak of it: settings change, a little. */
const MAX_LIFETIME_RATIO = 2;
/** Clients of Notary v1 warn of all that ends within half a year: below root the service signs for three. */
const NOTARY_LIFETIME_MS = 1_095 * 86_400_000;

/**
 * The terms under which the documents of one dialect are made again.
 * @throws TrustClientError CHANGE_MISMATCH, CHANGE_STALE
 */
export function termsFor(context: EditContext, change: Change, edit: DescribedEdit): EditTerms {
  const { offered, issued, present, dialect } = context;
  assertBase(change, present);
  const lifetimesMs = new Map<string, number>([['targets', MIN_LIFETIME_MS]]);
  const highest = new Map<string, number>();
  for (const [role, document] of offered) {
    assertNext(present, role, document);
    assertPrinted(change, dialect, role, document.expires);
    const lifetime = document.expires - issued;
    assertLifetime(context, edit, role, lifetime);
    lifetimesMs.set(role, lifetime);
    highest.set(role, document.version - 1);
  }
  return { repository: change.repository, nowMs: issued, lifetimesMs, highest };
}

/** What a change names as its base must be what this client verified: else somebody was faster, or one of us is lied to. */
function assertBase({ base, documents }: Change, present: PresentState): void {
  const isBoth = Object.keys(base).some((name) => name.startsWith('notary:'));
  const isNotaryAlone = !isBoth && documents.every(({ dialect }) => dialect === 'notary');
  for (const [name, version] of Object.entries(base)) {
    const dialect: DialectName = name.startsWith('notary:') || isNotaryAlone ? 'notary' : 'tuf';
    if (dialect !== present.dialect) continue;
    const role = name.replace(/^notary:/, '');
    const now = versionOf(present, role);
    if (version !== now) throw stale(role, version, now);
  }
}

/** Each version follows the present one; only a role without a document may begin anywhere: an earlier one had a past. */
function assertNext(present: PresentState, role: string, { version }: Root | Targets): void {
  const now = versionOf(present, role);
  if (now > 0 && version !== now + 1) throw stale(role, version - 1, now);
}

function versionOf({ root, targets }: PresentState, role: string): number {
  return role === 'root' ? root.version : (targets.get(role)?.version ?? 0);
}

/** What is printed beside the bytes must be what they say. */
function assertPrinted({ times }: Change, dialect: DialectName, role: string, expires: number): void {
  const own = dialect === 'notary' ? times.expires[`notary:${role}`] : undefined;
  const printed = own ?? times.expires[role];
  if (printed !== undefined && parseTime(printed) !== expires) {
    throw mismatch(`${role} ends at another time than it is said to`);
  }
}

function assertLifetime(context: EditContext, edit: DescribedEdit, role: string, lifetime: number): void {
  const { dialect, present } = context;
  if (!(lifetime >= MIN_LIFETIME_MS && lifetime <= MAX_LIFETIME_MS)) throw mismatch(`${role} lives too long`);
  const asked = lifetimeAsked(edit, role);
  if (asked !== undefined) {
    const isLonger = dialect === 'notary' && role !== 'root';
    if (lifetime === (isLonger ? Math.max(asked, NOTARY_LIFETIME_MS) : asked)) return;
    throw mismatch(`${role} lives for another time than was asked for`);
  }
  const usual = presentLifetime(present, role);
  if (usual === undefined) return;
  if (lifetime <= usual * MAX_LIFETIME_RATIO && lifetime * MAX_LIFETIME_RATIO >= usual) return;
  throw mismatch(`${role} would live ${days(lifetime)}, and lives ${days(usual)} now`);
}

/** A lifetime that the edit itself names for a role. */
function lifetimeAsked(edit: DescribedEdit, role: string): number | undefined {
  if (edit.kind !== 'rotation' && edit.kind !== 'terms' && edit.kind !== 'delegate') return undefined;
  if (edit.role !== role || edit.body.expiresAfter === undefined) return undefined;
  return durationToMs(edit.body.expiresAfter);
}

/** Undefined where the present document does not say when it was made. */
function presentLifetime({ root, targets }: PresentState, role: string): number | undefined {
  const document = role === 'root' ? root : (targets.get(role) ?? targets.get('targets'));
  const issued = document?.binding.issued;
  return document === undefined || issued === undefined ? undefined : document.expires - issued;
}

function days(ms: number): string {
  return ms < 172_800_000 ? `${Math.round(ms / 3_600_000)} hours` : `${Math.round(ms / 86_400_000)} days`;
}

function stale(role: string, stands: number, now: number): TrustClientError {
  return new TrustClientError(
    'CHANGE_STALE',
    `the change stands on ${role} v${stands}, and v${now} is the newest that was verified here`,
    {
      detail: { role, stands, now },
      hint: 'if others published meanwhile, propose it again; if not, this is not the server it should be',
    },
  );
}
