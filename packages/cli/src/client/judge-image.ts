/** What verify and pull share: judge one image as this machine is configured to. */
import { denialCause, type Vouch } from '@vidimus/policy';
import { parsePlatform, parseReference, printable } from '@vidimus/reference';
import type { TrustFacts } from '@vidimus/trust-client';
import { type Verification, verifyImage } from '@vidimus/verifier';
import type { Context } from '../context.ts';
import { type ExitCode, exitCodes } from '../exit-codes.ts';
import { newId } from './identifiers.ts';
import type { Client } from './open-client.ts';
import { bundleFor } from './policies.ts';

export interface JudgingOptions {
  readonly policy?: string;
  readonly platform?: string;
  readonly online?: boolean;
  readonly strict?: boolean;
}

/** Judges an image as written on the command line. @throws what cannot be judged at all: usage, cache, platform */
export function judgeImage(
  context: Context,
  client: Client,
  image: string,
  options: JudgingOptions,
): Promise<Verification> {
  const { now, random } = context.world;
  context.terminal.progress(`judging ${printable(image)} ...`);
  return verifyImage(
    {
      openTrust: (repository) => client.trust.open(repository),
      registry: client.registry,
      bundleFor: (repository) => bundleFor(context, repository, options.policy),
      now,
      decisionId: () => newId(now(), random),
    },
    {
      requested: image,
      reference: parseReference(image),
      action: 'pull',
      ...(options.platform === undefined ? {} : { platform: parsePlatform(options.platform) }),
      strict: options.strict === true,
    },
  );
}

/** The exit code a decision stands for. */
export function exitOf(verification: Verification): ExitCode {
  const cause = denialCause(verification.decision);
  if (cause === undefined) return exitCodes.done;
  return { judged: exitCodes.denied, unavailable: exitCodes.unavailable, unreachable: exitCodes.unreachable }[
    cause
  ];
}

/** `verify --json` of CONTRACTS. */
export function verificationJson(verification: Verification): Readonly<Record<string, unknown>> {
  const { decision, facts, trust } = verification;
  const vouches = facts.trust.state === 'known' ? facts.trust.value.vouchedBy : [];
  const registry = facts.registryDigest.state === 'known' ? facts.registryDigest.value : null;
  // The registry's tag names the index, where the judged digest is a manifest inside it.
  const vouched = decision.image.via ?? decision.image.digest;
  return {
    decision,
    trust: trust === undefined ? null : trustJson(trust),
    vouchedBy: vouches.map(vouchJson),
    registry: { digest: registry, differs: registry !== null && vouched !== null && registry !== vouched },
    exitCode: exitOf(verification),
  };
}

/** `trust` of CONTRACTS C8. */
export function trustJson(trust: TrustFacts): Readonly<Record<string, unknown>> {
  return {
    server: trust.server,
    dialect: trust.dialect,
    anchor: trust.anchor,
    ...(trust.directory === undefined ? {} : { directory: trust.directory }),
    versions: trust.versions,
    expires: mapValues(trust.expires, rfc3339),
    refreshedAt: trust.refreshedAt === undefined ? null : rfc3339(trust.refreshedAt),
    offline: trust.offline,
  };
}

/** An entry of `vouchedBy` of CONTRACTS C3; `binOf` names the role whose bin it is. */
export function vouchJson(vouch: Vouch): Readonly<Record<string, unknown>> {
  const { role, path, binOf, keyIds, threshold, version, since, expires } = vouch;
  return {
    role,
    path,
    ...(binOf === undefined ? {} : { binOf }),
    keyIds,
    threshold,
    version,
    since: since === undefined ? null : rfc3339(since),
    expires: rfc3339(expires),
  };
}

/** RFC 3339 in UTC, seconds. */
export function rfc3339(ms: number): string {
  return new Date(ms).toISOString().replace(/\.\d{3}Z$/, 'Z');
}

function mapValues<K extends string, A, B>(
  record: Readonly<Record<K, A>>,
  map: (value: A) => B,
): Record<string, B> {
  return Object.fromEntries(Object.entries<A>(record).map(([key, value]) => [key, map(value)]));
}
