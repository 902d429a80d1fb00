/** The lines of an audit as a person reads them. */
import { printable } from '@vidimus/reference';
import { type AuditLine, type AuditReport, claimedTags, recordOf, textOf } from '@vidimus/trust-client';
import { shorten } from '../output/table.ts';
import { formatTime } from '../output/times.ts';

/** One line of the story: an event, with the signatures that led to it. */
export interface StoryLine {
  readonly line: AuditLine;
  /** Who acted: the signers of the change, else whoever called. */
  readonly actors: readonly string[];
  /** Signatures that the change collected. */
  readonly signatures: number;
}

/** Tags that one line names. */
const maxNamed = 3;

/** Steps of a change are told with what it published; those of one that is open or came to nothing stand for themselves. */
export function toStory({ lines }: AuditReport): readonly StoryLine[] {
  const published = new Set(
    lines.flatMap(({ event }) => (event.change !== undefined && !isStep(event.action) ? [event.change] : [])),
  );
  const isTold = ({ event }: AuditLine): boolean =>
    !(isStep(event.action) && event.change !== undefined && published.has(event.change));
  return lines.filter(isTold).map((line): StoryLine => {
    const { change, actor } = line.event;
    const signed = lines.filter(({ event }) => event.action === 'change.sign' && event.change === change);
    const signers = change === undefined ? [] : [...new Set(signed.map(({ event }) => event.actor))];
    return {
      line,
      actors: signers.length > 0 ? signers : [actor],
      signatures: signers.length > 0 ? signed.length : 0,
    };
  });
}

export function storyRows(
  story: readonly StoryLine[],
  tag: string | undefined,
): readonly (readonly string[])[] {
  return story.flatMap(({ line, actors, signatures }, index) => {
    const { event, effect } = line;
    const how = event.change === undefined ? '-' : `change ${printable(event.change)}`;
    const signed = signatures === 0 ? '' : `, ${signatures} signature${signatures === 1 ? '' : 's'}`;
    const row = [
      String(index + 1),
      formatTime(Date.parse(event.at)),
      whatWords(line, tag),
      actors.map((actor) => printable(actor)).join(', '),
      `${how}${signed}`,
      versionWords(line),
      line.standing === 'signed' ? 'signed' : line.standing === 'word' ? 'word' : 'CONTRADICTED',
    ];
    if (effect === undefined) return [row];
    const left =
      effect.digest === undefined ? gone(effect.code) : `the tag is ${shorten(effect.digest)} from here on`;
    return [row, ['', '', `effect: ${left}`, '', '', '', '']];
  });
}

function gone(code: string | undefined): string {
  const why = code === 'THRESHOLD' ? 'left without its threshold' : 'not vouched for any more';
  return `tag ${why}${code === undefined ? '' : ` (${code})`}, refused until it is signed again`;
}

function whatWords(line: AuditLine, tag: string | undefined): string {
  const { event } = line;
  const { action, before, after, result } = event;
  if (result === 'refused') return `refused ${printable(textOf(after, 'code') ?? action)}`;
  const claims = claimedTags(event);
  if (tag !== undefined && claims.has(tag)) return tagWords(line, claims.get(tag));
  if (action.startsWith('digest.')) return digestWords(line);
  if (claims.size > 0) return manyWords(claims);
  const role = printable(textOf(after ?? before, 'role') ?? textOf(after ?? before, 'name') ?? '');
  const roles = Object.keys(recordOf(after?.['roles']) ?? {})
    .map((name) => printable(name))
    .join(', ');
  const keyId = textOf(after, 'keyId');
  const reason = textOf(after, 'reason');
  const because = reason === undefined ? '' : ` "${printable(reason)}"`;
  if (action === 'key.revoke') return `revoked key ${shorten(keyId ?? '')} of ${roles}${because}`;
  if (action.endsWith('.rotate')) return `rotated ${roles === '' ? role : roles}${because}`;
  if (action === 'role.resign') return `signed anew ${roles}${because}`;
  if (action === 'delegation.put') return `${before === undefined ? 'delegated to' : 'changed'} ${role}`;
  if (action === 'delegation.remove') return `took the delegation ${role} away`;
  if (action === 'root.renew') return 'renewed root';
  if (action === 'change.sign') return `signed ${role} with ${shorten(keyId ?? '')}, the change waits`;
  return printable(action.replace('.', ' '));
}

function tagWords({ event, was }: AuditLine, digest: string | undefined): string {
  const before = was?.digest;
  if (event.action === 'digest.revoke') return digestWords({ event });
  if (digest === undefined) return `took back the tag${before === undefined ? '' : `, ${shorten(before)}`}`;
  if (before !== undefined && before !== digest) return `moved ${shorten(before)} -> ${shorten(digest)}`;
  if (before === digest) return `signed ${shorten(digest)} anew`;
  return `signed ${shorten(digest)}${was?.isAgain === true ? ' again' : ''}`;
}

function digestWords({ event }: Pick<AuditLine, 'event'>): string {
  const { action, before, after } = event;
  const digest = shorten(textOf(after, 'digest') ?? textOf(before, 'digest') ?? '');
  const reason = textOf(after, 'reason');
  if (action === 'digest.lift') return `lifted the revocation of ${digest}`;
  return `revoked digest ${digest}${reason === undefined ? '' : ` "${printable(reason)}"`}`;
}

function manyWords(claims: ReadonlyMap<string, string | undefined>): string {
  const entries = [...claims];
  const named = entries
    .slice(0, maxNamed)
    .map(([name, digest]) => `${printable(name)}${digest === undefined ? '' : ` ${shorten(digest)}`}`);
  const isGone = entries.every(([, digest]) => digest === undefined);
  const more = entries.length > maxNamed ? ` and ${entries.length - maxNamed} more` : '';
  return `${isGone ? 'took back' : 'signed'} ${named.join(', ')}${more}`;
}

/** Snapshot and timestamp move with everything: they say nothing. */
function versionWords({ event }: AuditLine): string {
  const versions = Object.entries(event.versions ?? {}).filter(
    ([role]) => role !== 'snapshot' && role !== 'timestamp',
  );
  return versions.length === 0
    ? '-'
    : versions.map(([role, version]) => `${printable(role)} ${version}`).join(', ');
}

function isStep(action: string): boolean {
  return action.startsWith('change.');
}
