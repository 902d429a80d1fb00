/** Rule kind `signatures`: which roles, signers or parties must vouch for the judged digest. */
import { z } from 'zod';
import type { FactDetail, Facts, TrustFacts, Vouch } from '../facts.ts';
import { isRole, type SignersIndex, vouchingSigners } from '../signers.ts';
import type { Judge, JudgeInput, RuleFinding } from './rule-kind.ts';
import { trustFinding, usableUntil } from './trust-evidence.ts';

const MAX_THRESHOLD = 100;
/** `tufRole: "*"`: any role that targets leads to. */
const ANY_ROLE = '*';

const roleName = z.string().min(1).max(255);
const count = z.int().min(1).max(MAX_THRESHOLD);

const requirement = z.union(
  [
    z.strictObject({ tufRole: roleName, keys: count.optional() }).readonly(),
    z
      .strictObject({
        signer: roleName.refine((name) => name !== 'targets', { error: 'is not a delegation' }),
      })
      .readonly(),
    z.strictObject({ party: roleName, threshold: count.optional() }).readonly(),
  ],
  { error: 'must be {tufRole, keys?}, {signer} or {party, threshold?}' },
);
const requirements = z.array(requirement).min(1).max(50).readonly();

export const signaturesSchema = z.union(
  [z.strictObject({ allOf: requirements }).readonly(), z.strictObject({ anyOf: requirements }).readonly()],
  {
    error:
      'must be {allOf: [...]} or {anyOf: [...]}, each entry {tufRole, keys?}, {signer} or {party, threshold?}',
  },
);
export type SignaturesRule = z.infer<typeof signaturesSchema>;
export type Requirement = z.infer<typeof requirement>;

/** The requirements of a rule, however they are joined. */
export function requirementsOf(rule: SignaturesRule): readonly Requirement[] {
  return 'allOf' in rule ? rule.allOf : rule.anyOf;
}

/** Holds only on verified trust data that vouches for the judged digest under the asked tag. */
export function judgeSignatures(rule: SignaturesRule): Judge {
  return (input) => {
    const findings = findingsFor(rule, input);
    if (input.trust.state !== 'known') return { findings };
    return { findings, holdsUntil: usableUntil(input.trust.value.freshness) };
  };
}

function findingsFor(rule: SignaturesRule, { facts, trust, signers }: JudgeInput): readonly RuleFinding[] {
  const missing = trustFinding(facts, trust);
  if (missing !== undefined) return [missing];
  if (trust.state !== 'known') return [];
  const vouches = trust.value.vouchedBy.filter((vouch) => speaksOf(vouch, facts));
  if (vouches.length === 0) return [notVouched(facts, trust.value)];

  const unmet = requirementsOf(rule)
    .map((one) => unmetBy(one, vouches, trust.value, signers, facts))
    .filter((finding) => finding !== undefined);
  if ('allOf' in rule) return unmet;
  const [first, ...others] = unmet;
  if (unmet.length < rule.anyOf.length || first === undefined) return [];
  if (others.length === 0) return [first];
  return [
    {
      ...first,
      summary: `none of these holds: ${unmet.map((finding) => finding.summary).join('; ')}`,
      facts: { anyOf: unmet.map((finding) => finding.facts) },
      fix: unmet.flatMap((finding) => finding.fix),
    },
  ];
}

// A vouch for another tag, another digest, or below its own threshold says nothing here.
function speaksOf(vouch: Vouch, { image }: Facts): boolean {
  if (image.digest === undefined) return false;
  if (vouch.digest !== image.digest && vouch.digest !== image.via) return false;
  if (image.tag !== undefined && vouch.tag !== image.tag) return false;
  return new Set(vouch.keyIds).size >= Math.max(vouch.threshold, 1);
}

function unmetBy(
  one: Requirement,
  vouches: readonly Vouch[],
  trust: TrustFacts,
  signers: SignersIndex,
  facts: Facts,
): RuleFinding | undefined {
  if ('tufRole' in one) return unmetRole(one.tufRole, one.keys ?? 1, vouches, trust, facts);
  if ('signer' in one) {
    // A mirrored document repeats what the owner's roles signed with a managed key: no signer is behind it.
    if (trust.mirrored !== true && vouches.some((vouch) => isRole(vouch, one.signer))) return undefined;
    const detail = { signer: one.signer, vouching: vouches.map((vouch) => vouch.role) };
    return finding('SIGNER_MISSING', `${one.signer} has not signed`, detail, signFix(facts, one.signer));
  }
  const party = signers.parties.get(one.party);
  // Compilation refuses unknown parties; a bundle built otherwise must not slip through.
  const need = one.threshold ?? party?.threshold ?? 1;
  const valid = party === undefined || trust.mirrored === true ? [] : vouchingSigners(party, vouches);
  if (valid.length >= need) return undefined;
  const waiting = (party?.signers ?? []).map((signer) => signer.name).filter((name) => !valid.includes(name));
  return finding(
    'ROLE_THRESHOLD',
    `${one.party} has ${valid.length} of ${need} signers`,
    { party: one.party, need, valid: [...valid], missing: waiting },
    waiting.flatMap((name) =>
      signFix(facts, party?.signers.find((signer) => signer.name === name)?.delegation, name),
    ),
  );
}

function unmetRole(
  role: string,
  need: number,
  vouches: readonly Vouch[],
  trust: TrustFacts,
  facts: Facts,
): RuleFinding | undefined {
  const ofRole = vouches.filter((vouch) => role === ANY_ROLE || isRole(vouch, role) || vouch.binOf === role);
  const name = role === ANY_ROLE ? 'a role' : role;
  const keys = ofRole.map((vouch) => new Set(vouch.keyIds).size);
  // All managed keys are one custodian's, and a mirrored document has no others.
  const most = trust.mirrored === true ? Math.min(1, ...keys) : Math.max(0, ...keys);
  if (ofRole.length > 0 && most >= need) return undefined;
  return finding(
    'ROLE_THRESHOLD',
    ofRole.length === 0
      ? `the role ${name} does not vouch for this digest`
      : `${name} has ${most} of ${need} signatures`,
    { role, need, keys: ofRole.length === 0 ? 0 : most, vouching: vouches.map((vouch) => vouch.role) },
    signFix(facts, role === ANY_ROLE || role === 'targets' ? undefined : role),
  );
}

function notVouched(facts: Facts, trust: TrustFacts): RuleFinding {
  const { image } = facts;
  const others = trust.vouchedBy.map((vouch) => ({ role: vouch.role, tag: vouch.tag, digest: vouch.digest }));
  return finding(
    'NOT_VOUCHED',
    image.tag === undefined
      ? `nobody vouches for this digest in ${image.repository}`
      : `nobody vouches for ${image.repository}:${image.tag}${image.digest === undefined ? '' : ' at this digest'}`,
    { tag: image.tag ?? null, digest: image.digest ?? null, vouched: others },
    signFix(facts, undefined),
  );
}

function signFix({ image, revocation }: Facts, delegation: string | undefined, name?: string): string[] {
  // Nobody should be told to sign what was taken back.
  if (revocation.state === 'revoked') return [`vidimus inspect ${image.repository}`];
  if (image.tag === undefined) return [`ask for a tag: vidimus inspect ${image.repository}`];
  const digest = image.via ?? image.digest;
  const target = `${image.repository}:${image.tag}${digest === undefined ? '' : `@${digest}`}`;
  const command = `vidimus sign ${target}${delegation === undefined ? '' : ` --as ${delegation}`}`;
  return [name === undefined ? command : `${name}: ${command}`];
}

function finding(
  code: 'NOT_VOUCHED' | 'ROLE_THRESHOLD' | 'SIGNER_MISSING',
  summary: string,
  facts: FactDetail,
  fix: readonly string[],
): RuleFinding {
  return { code, cause: 'judged', summary, facts, fix };
}
