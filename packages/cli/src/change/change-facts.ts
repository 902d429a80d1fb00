/** A change as a person reads it. */
import { printable } from '@vidimus/reference';
import type { Change } from '@vidimus/trust-client';
import { shorten } from '../output/table.ts';
import type { Fact } from '../publish/outcome-lines.ts';

/**
 * What would happen, who has signed, who may. Times stay RFC 3339 for `printAnswer` to reword.
 * @param difference as it was computed here; absent: what the server says of it
 */
export function changeFacts(change: Change, difference?: readonly Fact[]): readonly Fact[] {
  const { summary, diff, documents, createdBy, createdAt, expiresAt, insteadOf, edit } = change;
  return [
    ['change', change.id],
    ['what', printable(summary)],
    ...(difference ??
      diff.map(
        ({ role, what, before, after }): Fact => ['', printable(`${role}: ${what}${fromTo(before, after)}`)],
      )),
    ['edit', printable(`${edit.method} ${edit.path}`)],
    ['by', printable(`${createdBy}, ${createdAt}`)],
    ...documents.flatMap(documentFacts),
    ...approvalFacts(change),
    ...(insteadOf === undefined ? [] : [['instead', printable(`of ${insteadOf.join(', ')}`)] as const]),
    ...(change.state === 'open' ? [['until', expiresAt] as const] : []),
  ];
}

function approvalFacts({ approvals }: Change): readonly Fact[] {
  if (approvals === undefined) return [];
  const { needed, by, missing } = approvals;
  return [
    ['approval', `${needed} by others than its author, missing: ${missing}`],
    ...by.map(({ actor, at }): Fact => ['', printable(`approved by ${actor} ${at}`)]),
  ];
}

/** Key ids that may still sign a document. */
export function mayStillSign({ documents }: Change): readonly string[] {
  const waiting = documents.flatMap(({ thresholds, signatures }) => {
    const signed = new Set(signatures.map(({ keyId }) => keyId));
    return thresholds.flatMap(({ keyIds }) => keyIds).filter((keyId) => !signed.has(keyId));
  });
  return [...new Set(waiting)];
}

/** Signatures that are missing over all documents. */
export function missingOf({ documents }: Change): number {
  return documents.reduce((sum, { missing }) => sum + missing, 0);
}

function documentFacts(document: Change['documents'][number]): readonly Fact[] {
  const { dialect, role, version, sha256, signatures, thresholds, missing } = document;
  const signed = new Set(signatures.map(({ keyId }) => keyId));
  const may = [...new Set(thresholds.flatMap(({ keyIds }) => keyIds))].filter((keyId) => !signed.has(keyId));
  return [
    [
      'document',
      printable(`${dialect} ${role} v${version}, sha256:${sha256}, signatures missing: ${missing}`),
    ],
    ...signatures.map(
      ({ keyId, by, at }): Fact => ['', printable(`signed by ${shorten(keyId)} (${by}) ${at}`)],
    ),
    ...(may.length === 0 ? [] : [['', printable(`may sign: ${may.map(shorten).join(', ')}`)] as const]),
  ];
}

function fromTo(before: unknown, after: unknown): string {
  if (before === undefined && after === undefined) return '';
  return ` (${before === undefined ? 'nothing' : say(before)} -> ${after === undefined ? 'nothing' : say(after)})`;
}

function say(value: unknown): string {
  return typeof value === 'string' ? value : JSON.stringify(value);
}
