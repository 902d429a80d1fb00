/** A decision as a person reads it: verdict, what stands behind it, why, what to do. */
import type { Finding } from '@vidimus/policy';
import { printable } from '@vidimus/reference';
import type { Verification } from '@vidimus/verifier';
import { formatFacts, shorten } from './table.ts';
import type { Colors } from './terminal.ts';
import { formatDistance, formatTimeAndDistance, withDistances } from './times.ts';
import { verdictLine } from './verdict.ts';

type Fact = readonly [name: string, value: string];

/** The lines `vidimus verify` prints. @param now milliseconds since 1970 */
export function decisionLines(verification: Verification, colors: Colors, now: number): readonly string[] {
  const { decision } = verification;
  const subject = printable(decision.image.requested);
  if (decision.decision === 'deny') {
    return [
      verdictLine(colors, 'DENIED', subject, gravestFirst(decision.failures)[0]?.code),
      ...formatFacts(refusal(verification, now)),
    ];
  }
  return [
    verdictLine(
      colors,
      'ALLOWED',
      subject,
      decision.decision === 'warn' ? decision.warnings[0]?.code : undefined,
    ),
    ...formatFacts(allowance(verification, now)),
  ];
}

/** Lines for stderr: what a person should hear although the image is allowed. */
export function warningLines(verification: Verification, colors: Colors, now: number): readonly string[] {
  if (verification.decision.decision === 'deny') return [];
  return verification.decision.warnings.flatMap((finding) => [
    verdictLine(colors, 'WARNING', withDistances(printable(finding.summary), now), finding.code),
    ...formatFacts([...registryFacts(verification, finding), ...fixes([finding])]),
  ]);
}

/** `targets (7c1e09ab42d1; fresh 23 hours)`: the short form that pull prints. */
export function vouchSummary(verification: Verification, now: number): string {
  const { trust } = verification.facts;
  if (trust.state !== 'known') return 'no trust data';
  const who = trust.value.vouchedBy[0];
  const fresh = `fresh ${formatDistance(trust.value.freshness.expires - now)}`;
  return who === undefined
    ? fresh
    : `${printable(who.binOf ?? who.role)} ${who.keyIds.map(shorten).join(', ')}; ${fresh}`;
}

function allowance(verification: Verification, now: number): readonly Fact[] {
  const { decision, image, trust } = verification;
  const facts: Fact[] = [];
  if (decision.image.resolved !== null) facts.push(['pinned', decision.image.resolved]);
  if (image !== undefined) {
    facts.push([
      'image',
      [image.top.kind, image.platforms.join(' ')].filter((part) => part !== '').join(', '),
    ]);
  }
  facts.push(...vouched(verification, now));
  if (trust !== undefined) {
    const checked = trust.offline
      ? `checked ${formatTimeAndDistance(trust.refreshedAt ?? 0, now)}, offline`
      : 'checked now';
    const until = formatTimeAndDistance(firstExpiry(verification), now);
    facts.push(['fresh', `timestamp v${trust.versions.timestamp} ${checked}, good until ${until}`]);
    facts.push(['anchor', anchorLine(trust)]);
  }
  facts.push(['registry', registryWords(verification)]);
  facts.push(['policy', policyWords(verification)]);
  return facts;
}

/** Of the whole chain, vouching roles included. */
function firstExpiry({ facts, trust }: Verification): number {
  if (facts.trust.state === 'known') return facts.trust.value.freshness.expires;
  return Math.min(...Object.values(trust?.expires ?? {}));
}

/** `acme directory (pinned), root v3`: with the directory as anchor, root is the directory's. */
function anchorLine({ anchor, directory, versions }: NonNullable<Verification['trust']>): string {
  if (directory === undefined) return `${anchorWords[anchor] ?? anchor}, root v${versions.root}`;
  const name = directory.name === undefined ? '' : `${printable(directory.name)} `;
  return `${name}directory (pinned), root v${directory.root}; repository root v${versions.root}`;
}

const anchorWords: Readonly<Record<string, string>> = {
  root: 'pinned root',
  keys: 'pinned root keys',
  certificate: 'pinned root certificate',
  ca: 'pinned authority',
  firstUse: 'first use, not pinned',
};

function vouched({ facts }: Verification, now: number): readonly Fact[] {
  if (facts.trust.state !== 'known') return [['vouched', 'by nobody: the repository has no trust data']];
  const { vouchedBy } = facts.trust.value;
  if (vouchedBy.length === 0) return [['vouched', 'by nobody']];
  return vouchedBy.slice(0, 5).map((vouch) => {
    const keys = vouch.keyIds.map(shorten).join(', ');
    const since = vouch.since === undefined ? '' : `; since ${formatTimeAndDistance(vouch.since, now)}`;
    const via = facts.image.via === undefined ? '' : `; via ${shorten(facts.image.via)}`;
    const role = printable(vouch.binOf ?? vouch.role);
    return ['vouched', `${role} ${vouch.keyIds.length} of ${vouch.threshold}: ${keys}${since}${via}`];
  });
}

function registryWords({ facts }: Verification): string {
  const { registryDigest, image } = facts;
  if (image.tag === undefined) return 'asked by digest';
  if (registryDigest.state === 'absent') return 'has no such tag';
  if (registryDigest.state === 'unknown') return 'could not say where the tag points';
  if (registryDigest.value === image.digest) return 'the tag points to the same digest';
  if (registryDigest.value === image.via) return 'the tag points to the index that lists this digest';
  return `the tag points to ${shorten(registryDigest.value)}, which nobody vouches for`;
}

function policyWords({ decision }: Verification): string {
  const { bundle, matched, passed, warnings } = decision;
  const rules = matched.map((name) => {
    const ok = passed.filter((label) => label.startsWith(`${name}/`)).length;
    const failed = new Set(warnings.filter((w) => w.policy === name).map((w) => w.rule)).size;
    return `${printable(name)} ${ok} of ${ok + failed} rules`;
  });
  return `${printable(bundle.name)}@${bundle.version}: ${rules.length === 0 ? 'no policy matches' : rules.join(', ')}`;
}

function refusal(verification: Verification, now: number): readonly Fact[] {
  const { decision, facts } = verification;
  const failures = gravestFirst(decision.failures);
  const told: readonly Fact[] = [
    ...distinctBy(failures, (finding) => finding.code).flatMap((finding) => whyFacts(finding, now)),
    ...fixes(failures),
  ];
  return [
    ...foundFacts(facts, [decision.image.requested, ...told.map(([, value]) => value)]),
    ...told,
    ['more', `vidimus inspect ${decision.image.repository}     decision ${decision.decisionId}`] as const,
  ];
}

/** What the registry holds: the whole digest, unless it is told elsewhere, to be copied from there. */
function foundFacts({ registryDigest }: Verification['facts'], told: readonly string[]): readonly Fact[] {
  if (registryDigest.state !== 'known') return [];
  const { value } = registryDigest;
  const isTold = told.some((text) => text.includes(value));
  return [['found', `${isTold ? shorten(value) : value} in the registry`]];
}

/** A digest taken back is the news, whatever else is wrong with it. */
function gravestFirst(findings: readonly Finding[]): readonly Finding[] {
  const isRevoked = (finding: Finding): boolean => finding.code === 'DIGEST_REVOKED';
  return [...findings.filter(isRevoked), ...findings.filter((finding) => !isRevoked(finding))];
}

/** Several rules may fail for one reason: it is told once, where it comes first. */
function distinctBy<T>(items: readonly T[], key: (item: T) => string): readonly T[] {
  const seen = new Set<string>();
  return items.filter((item) => !seen.has(key(item)) && seen.add(key(item)));
}

function whyFacts(finding: Finding, now: number): readonly Fact[] {
  const label =
    finding.policy === null ? '' : `${printable(finding.policy)}/${printable(finding.rule ?? '')}: `;
  const more: Fact[] = [];
  const { reason, message, hint } = finding.facts;
  if (finding.code === 'DIGEST_REVOKED' && typeof reason === 'string')
    more.push(['', `"${printable(reason)}"`]);
  if (typeof message === 'string') more.push(['', printable(message)]);
  if (typeof hint === 'string') more.push(['', printable(hint)]);
  return [['why', `${label}${withDistances(printable(finding.summary), now)}`], ...more];
}

function registryFacts({ facts }: Verification, finding: Finding): readonly Fact[] {
  if (finding.code !== 'TAG_MOVED' || facts.registryDigest.state !== 'known') return [];
  return [
    // Whole they are in the fix, and as what is pinned.
    ['registry', shorten(facts.registryDigest.value)],
    ['vouched', shorten(facts.image.digest ?? 'nothing')],
  ];
}

function fixes(findings: readonly Finding[]): readonly Fact[] {
  const all = [...new Set(findings.flatMap((finding) => finding.fix))].slice(0, 6);
  return all.map((fix, position) => [position === 0 ? 'fix' : '', printable(fix)]);
}
