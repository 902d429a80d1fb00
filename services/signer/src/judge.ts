/** The signer's verdict on one document, from what it signed before and what its operator demands. No I/O. */
import type { Approval } from '@vidimus/key-store';
import { approvalMessage } from '@vidimus/key-store';
import { MAX_CLOCK_SKEW_MS } from '@vidimus/tuf';
import type { Place, ReadDocument } from './document.ts';
import { SignerError } from './errors.ts';
import type { ApprovalRule, EditKind, Rules } from './rules.ts';

/** DESIGN section 8: a restore jumps by 2^20; twice that is nobody's publish. */
const MAX_STEP = 2 ** 21;

/** The newest document of one role that one key signed. */
export interface SignedBefore {
  readonly version: number;
  readonly sha256: string;
  readonly content: string;
  readonly delegations: string;
  readonly scheme: 'ed25519' | 'ecdsa-sha256-p1363';
  /** Base64. */
  readonly signature: string;
  /** Of root alone, base64: what says the same as it is told so, since root never passes a version over. */
  readonly document?: string | undefined;
}

export interface JudgeInput {
  readonly place: Place;
  readonly read: ReadDocument;
  readonly before: SignedBefore | undefined;
  readonly approvals: readonly Approval[];
  readonly rules: Rules;
  /** Milliseconds since 1970. */
  readonly nowMs: number;
}

/** What may be signed, and what was signed before and is answered again. */
export interface Judged {
  readonly repeats?: SignedBefore;
  /** Names of the approvers whose signatures counted. */
  readonly approvedBy: readonly string[];
}

/**
 * Judges a document that was read; the very document that was signed last needs no second look.
 * @throws SignerError VERSION_USED, VERSION_JUMP, TIME_INVALID, EXPIRY_TOO_FAR or APPROVAL_NEEDED
 */
export function judge(input: JudgeInput): Judged {
  const { read, before } = input;
  if (before !== undefined && before.sha256 === read.sha256) return { repeats: before, approvedBy: [] };
  assertVersion(read, before);
  assertTimes(input);
  return { approvedBy: assertApproved(input) };
}

/** One version never gets two contents, and none is signed after a higher one: attack "two histories". */
function assertVersion(
  { document: { version }, content }: ReadDocument,
  before: SignedBefore | undefined,
): void {
  if (before === undefined) return;
  const isSame = version === before.version && content === before.content;
  const document = isSame && before.document !== undefined ? { document: before.document } : {};
  const detail = { version, highest: before.version, ...document };
  if (version <= before.version) {
    throw new SignerError(
      'VERSION_USED',
      `version ${before.version} was signed before, with other bytes`,
      detail,
    );
  }
  if (version > before.version + MAX_STEP) {
    throw new SignerError('VERSION_JUMP', `version ${version} is too far above ${before.version}`, detail);
  }
}

function assertTimes({ read: { kind, document }, rules, nowMs }: JudgeInput): void {
  const { expires, binding } = document;
  if (expires <= nowMs) throw new SignerError('TIME_INVALID', 'the document has expired', { expires });
  if (binding.issued !== undefined && binding.issued > nowMs + MAX_CLOCK_SKEW_MS) {
    throw new SignerError('TIME_INVALID', 'the document is issued in the future', { issued: binding.issued });
  }
  if (expires > nowMs + MAX_CLOCK_SKEW_MS + rules.maxLifetimeMs[kind]) {
    throw new SignerError('EXPIRY_TOO_FAR', `a ${kind} document may not live that long`, {
      expires,
      maxLifetimeMs: rules.maxLifetimeMs[kind],
    });
  }
}

/** Names of the approvers whose signatures counted. */
function assertApproved({ place, read, before, approvals, rules }: JudgeInput): string[] {
  const edits = editsOf(read, before);
  const message = approvalMessage({ ...place, version: read.document.version, sha256: read.sha256 });
  const counted = new Set<string>();
  for (const rule of rules.approvals) {
    if (!rule.covers(place.repository) || !edits.some((edit) => rule.edits.has(edit))) continue;
    const names = countApprovers(rule, approvals, message);
    if (names.length < rule.threshold) {
      throw new SignerError('APPROVAL_NEEDED', `${rule.threshold} approvers must have signed this edit`, {
        needed: rule.threshold,
        valid: names.length,
      });
    }
    for (const name of names) counted.add(name);
  }
  return [...counted];
}

/** A document that only lives longer is no edit, unless it is a root: that one prolongs everybody's power. */
function editsOf(
  { kind, content, delegations }: ReadDocument,
  before: SignedBefore | undefined,
): readonly EditKind[] {
  if (kind === 'root') return ['root'];
  if (kind !== 'targets') return [];
  const edits: EditKind[] = [];
  if (before?.content !== content) edits.push('targets');
  if (before?.delegations !== delegations) edits.push('delegations');
  return edits;
}

function countApprovers(
  { approvers }: ApprovalRule,
  approvals: readonly Approval[],
  message: Uint8Array,
): string[] {
  return [...approvers].flatMap(([id, { name, key }]) => {
    const isSigned = approvals.some(
      ({ keyId, signature }) =>
        keyId === id && key.verify(message, new Uint8Array(Buffer.from(signature, 'base64'))),
    );
    return isSigned ? [name] : [];
  });
}
