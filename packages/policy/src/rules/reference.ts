/** Rule kind `reference`: which tags may be asked for, whether a digest must be, what a moved tag means. */
import { compileTagGlob, type Matcher, ReferenceFormatError } from '@vidimus/reference';
import { z } from 'zod';
import { causeOf } from '../codes.ts';
import type { Facts, ImageFacts } from '../facts.ts';
import type { Judge, RuleFinding } from './rule-kind.ts';
import { commandReference } from './trust-evidence.ts';

const tagPattern = z.string().superRefine((pattern, context) => {
  try {
    compileTagGlob(pattern);
  } catch (error) {
    if (!(error instanceof ReferenceFormatError)) throw error;
    context.addIssue({ code: 'custom', message: error.message, params: { policyCode: 'PATTERN_INVALID' } });
  }
});

export const referenceSchema = z
  .strictObject({
    denyTags: z.array(tagPattern).min(1).max(100).optional(),
    allowTags: z.array(tagPattern).min(1).max(100).optional(),
    /** `resolve`: the tag must resolve to a digest; `required`: the reference must name one. */
    digest: z.enum(['resolve', 'required', 'ignore']).default('resolve'),
    tagMoved: z.enum(['warn', 'deny']).default('warn'),
  })
  .readonly();
export type ReferenceRule = z.infer<typeof referenceSchema>;

/** Judges the reference as asked; a reference by digest alone has no tag to forbid. */
export function judgeReference(rule: ReferenceRule): Judge {
  const denied = (rule.denyTags ?? []).map(toNamedMatcher);
  const allowed = rule.allowTags?.map(toNamedMatcher);
  return ({ facts }) => ({
    findings: [
      tagFinding(facts.image, denied, allowed),
      digestFinding(facts.image, rule.digest),
      rule.tagMoved === 'deny' ? tagMovedFinding(facts) : undefined,
    ].filter((finding) => finding !== undefined),
  });
}

/** The registry's tag against the vouched digest; undefined when they agree or no tag was asked for. */
export function tagMovedFinding(facts: Facts): RuleFinding | undefined {
  const { image, registryDigest } = facts;
  // The registry's tag names the index, when the judged digest is a manifest inside it.
  const vouched = image.via ?? image.digest;
  if (image.tag === undefined || vouched === undefined) return undefined;
  if (registryDigest.state === 'unknown') {
    return {
      code: 'REGISTRY_UNKNOWN',
      cause: causeOf(registryDigest.reason),
      summary: `the registry did not say where ${image.repository}:${image.tag} points`,
      facts: { reason: registryDigest.reason, ...registryDigest.detail },
      fix: [`vidimus verify ${commandReference(image)} --online`],
      unknown: true,
    };
  }
  const found = registryDigest.state === 'known' ? registryDigest.value : null;
  if (found === vouched) return undefined;
  return {
    code: 'TAG_MOVED',
    cause: 'judged',
    summary:
      found === null
        ? `the registry has no tag ${image.tag} any more`
        : "the registry's tag has moved and nobody vouches for where it points",
    facts: { tag: image.tag, registry: found, vouched },
    fix:
      found === null
        ? [`vidimus revoke ${image.repository}:${image.tag}`]
        : [`if the move was intended: vidimus sign ${image.repository}:${image.tag}@${found}`],
  };
}

type NamedMatcher = readonly [pattern: string, matches: Matcher];

function toNamedMatcher(pattern: string): NamedMatcher {
  return [pattern, compileTagGlob(pattern)];
}

function tagFinding(
  image: ImageFacts,
  denied: readonly NamedMatcher[],
  allowed: readonly NamedMatcher[] | undefined,
): RuleFinding | undefined {
  const { tag } = image;
  if (tag === undefined) return undefined;
  const pattern = denied.find(([, matches]) => matches(tag))?.[0];
  const isAllowed = allowed === undefined || allowed.some(([, matches]) => matches(tag));
  if (pattern === undefined && isAllowed) return undefined;
  return {
    code: 'TAG_FORBIDDEN',
    cause: 'judged',
    summary:
      pattern === undefined ? `the tag ${tag} is not one of those allowed` : `the tag ${tag} is not allowed`,
    facts: {
      tag,
      implicit: image.implicitTag,
      ...(pattern === undefined ? { allowed: allowed?.map(([one]) => one) ?? [] } : { pattern }),
    },
    fix: ['ask for a fixed version', `vidimus inspect ${image.repository}`],
  };
}

function digestFinding(image: ImageFacts, digest: ReferenceRule['digest']): RuleFinding | undefined {
  if (digest !== 'required' || image.digestRequested) return undefined;
  return {
    code: 'DIGEST_REQUIRED',
    cause: 'judged',
    summary: 'the reference must name a digest',
    facts: { tag: image.tag ?? null, digest: image.digest ?? null },
    fix: [
      image.digest === undefined
        ? `vidimus verify -q ${commandReference(image)}`
        : `use ${image.repository}@${image.digest}`,
    ],
  };
}
