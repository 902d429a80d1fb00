/** What the revocation of a key would break, as a person reads it. */
import { printable } from '@vidimus/reference';
import type { FleetImpact, FleetImpactItem, FleetKey, KeyDetail, KeyImpact } from '@vidimus/trust-client';
import { shorten } from '../output/table.ts';
import { formatTimeAndDistance } from '../output/times.ts';

/** Repositories and tags named one by one; `--json` has all. */
const maxShown = 20;

type Roles = KeyImpact['roles'];

/** `Key 7c1e09ab42d1  ed25519  alice  client custody, added 2025-03-11, last used 2026-11-19` */
export function keyLine(key: KeyDetail | FleetKey): string {
  const { keyId, type, signer, custody, createdAt, lastUsed, revokedAt } = key;
  const life = [
    `${custody} custody`,
    ...(createdAt ? [`added ${createdAt.slice(0, 10)}`] : []),
    lastUsed ? `last used ${lastUsed.slice(0, 10)}` : 'never used',
    ...(revokedAt ? [`REVOKED ${revokedAt.slice(0, 10)}`] : []),
  ].join(', ');
  return printable([`Key ${shorten(keyId)}`, type, ...(signer ? [signer] : []), life].join('  '));
}

/** Of one repository. */
export function repositoryLines(impact: KeyImpact, now: number): readonly string[] {
  const { roles, needs } = impact;
  const broken = roles.filter(({ breaks }) => breaks);
  const losesRoot = broken.some(({ role }) => role === 'root');
  const verdict =
    roles.length === 0
      ? 'no role lists it'
      : broken.length > 0
        ? `BREAK: ${needsWords(needs)}${losesRoot ? '; the repository can not be changed again without a new anchor' : ''}`
        : impact.waitsFor.length > 0
          ? 'others have to sign'
          : 'nothing breaks: re-signed at once';
  return [
    `  ${verdict}`,
    ...rolesLines(roles).map((line) => `         ${line}`),
    ...waitLines(impact).map((line) => `         ${line}`),
    ...tagLines(impact),
    '',
    ...endLines(impact, now),
  ];
}

/** Of all repositories. */
export function fleetLines(impact: FleetImpact, now: number): readonly string[] {
  const { repositories, items } = impact;
  const of = (verdict: FleetImpactItem['verdict']) => items.filter((item) => item.verdict === verdict);
  const tags = of('needSignatures').flatMap(({ tagsOnlyByThisKey }) => tagsOnlyByThisKey).length;
  return [
    ...count(repositories.safe, 'nothing breaks: the threshold is met without it; re-signed at once'),
    ...count(
      repositories.needSignatures,
      tags === 0
        ? 'need a signature of others'
        : `need a signature: ${tags} ${tags === 1 ? 'tag stays' : 'tags stay'} vouched only after others sign`,
    ),
    ...count(repositories.break, 'BREAK: no threshold left'),
    ...some(of('break'), ({ repository, roles, tagsOnlyByThisKey }) => [
      `         ${printable(repository)}   ${rolesLines(roles).join('; ')}${lost(tagsOnlyByThisKey)}`,
    ]),
    ...count(repositories.denied, 'that this token may not touch: nothing is done there'),
    '',
    ...endLines(impact, now),
  ];
}

function needsWords(needs: KeyImpact['needs']): string {
  if (needs === 'replacement') return 'no key is left without a replacement';
  return needs === 'force' ? 'only --force goes on' : 'too few keys are left for the threshold';
}

/** `releases 1 of 2 keys left` */
function rolesLines(roles: Roles): readonly string[] {
  return roles.map(
    ({ role, keysLeft, threshold, breaks, dialects }) =>
      `${printable(role)} needs ${threshold}, ${keysLeft} ${keysLeft === 1 ? 'key' : 'keys'} left${breaks ? ', BREAKS' : ''}${
        dialects.length > 1 || dialects[0] === 'tuf' ? '' : ` (dialect ${dialects.join(', ')})`
      }`,
  );
}

function waitLines({ waitsFor }: KeyImpact): readonly string[] {
  return waitsFor.map(
    ({ role, missing, mayStillSign }) =>
      `${printable(role)} waits for ${missing} ${missing === 1 ? 'signature' : 'signatures'} of ${mayStillSign.map((who) => printable(shortenId(who))).join(', ')}`,
  );
}

/** Names stay, ids are shortened. */
function shortenId(who: string): string {
  return /^[0-9a-f]{64}$/.test(who) ? shorten(who) : who;
}

function tagLines({ tagsOnlyByThisKey: tags }: KeyImpact): readonly string[] {
  if (tags.length === 0) return [];
  const more = tags.length > maxShown ? ` and ${tags.length - maxShown} more` : '';
  const named = tags.slice(0, maxShown).map((tag) => printable(tag));
  return [`         refused until others sign: ${named.join(', ')}${more}`];
}

function lost(tags: readonly string[]): string {
  return tags.length === 0
    ? ''
    : `, ${tags.length} ${tags.length === 1 ? 'tag' : 'tags'} refused at the next refresh`;
}

function endLines({ clientsRefuseBy, openChanges }: KeyImpact | FleetImpact, now: number): readonly string[] {
  const ms = Date.parse(clientsRefuseBy ?? '');
  const latest = Number.isNaN(ms)
    ? ''
    : `; at the latest ${formatTimeAndDistance(ms, now)}, when today's timestamps expire`;
  return [
    `Clients:   refuse after their next refresh${latest}`,
    ...(openChanges.length === 0
      ? []
      : [
          `Open:      ${openChanges.length} ${openChanges.length === 1 ? 'change carries' : 'changes carry'} a signature by this key, or wait for it, and become stale: ${openChanges
            .slice(0, maxShown)
            .map((id) => printable(id))
            .join(', ')}`,
        ]),
  ];
}

function count(number: number, words: string): readonly string[] {
  return number === 0 ? [] : [`${String(number).padStart(5)}  ${words}`];
}

function some<Item>(items: readonly Item[], toLines: (item: Item) => readonly string[]): readonly string[] {
  const more = items.length > maxShown ? [`         and ${items.length - maxShown} more: --json`] : [];
  return [...items.slice(0, maxShown).flatMap(toLines), ...more];
}
