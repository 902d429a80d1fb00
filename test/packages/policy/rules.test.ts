import type { Facts } from '@vidimus/policy';
import { describe, expect, it } from 'vitest';
import { codes, DIGEST, good, HOUR, judge, NOW, trustFacts, vouch, withImage, withTrust } from './support.ts';

const [ALICE, ALICE_2, DANA] = ['1', '2', '3'].map((digit) => digit.repeat(64));
const vouched = (...keyIds: (string | undefined)[]) =>
  withTrust({ vouchedBy: [{ ...vouch, keyIds: keyIds.filter((key) => key !== undefined) }] });
const delegated = (role: string, key = 'k9') => ({ ...vouch, role, path: ['targets', role], keyIds: [key] });
const { digest: _digest, tag: _tag, ...bare } = good.image;

describe('each rule kind', () => {
  const cases: [string, string, Facts, string[]][] = [
    ['registry holds', 'registry: {in: [registry.example.com]}', good, []],
    [
      'registry with a port is another registry',
      'registry: {in: ["registry.example.com:5000"]}',
      good,
      ['REGISTRY_FORBIDDEN'],
    ],
    ['a denied tag', 'reference: {denyTags: ["1.*"]}', good, ['TAG_FORBIDDEN']],
    ['a tag not denied', 'reference: {denyTags: [latest]}', good, []],
    ['a tag not among those allowed', 'reference: {allowTags: ["v*"]}', good, ['TAG_FORBIDDEN']],
    ['a tag among those allowed', 'reference: {allowTags: ["v*", "1.4"]}', good, []],
    [
      'a tag named like a prototype member',
      'reference: {denyTags: [constructor]}',
      withImage({ tag: 'constructor' }),
      ['TAG_FORBIDDEN'],
    ],
    [
      'no tag, nothing to deny',
      'reference: {denyTags: ["*"]}',
      { ...good, image: { ...bare, digest: DIGEST, digestRequested: true } },
      [],
    ],
    ['a digest is required', 'reference: {digest: required}', good, ['DIGEST_REQUIRED']],
    ['a digest is given', 'reference: {digest: required}', withImage({ digestRequested: true }), []],
    ['role targets', 'signatures: {allOf: [{tufRole: targets}]}', good, []],
    ['a role that does not vouch', 'signatures: {allOf: [{tufRole: releases}]}', good, ['ROLE_THRESHOLD']],
    [
      'a bin is its role',
      'signatures: {allOf: [{tufRole: targets}]}',
      withTrust({ vouchedBy: [{ ...delegated('bins-3f'), binOf: 'targets' }] }),
      [],
    ],
    [
      'a bin of weaker keys is not',
      'signatures: {allOf: [{tufRole: targets}]}',
      withTrust({ vouchedBy: [delegated('bins-3f')] }),
      ['ROLE_THRESHOLD'],
    ],
    [
      'a role below its delegator, named as such',
      'signatures: {allOf: [{tufRole: qa/nightly}, {signer: qa/nightly}]}',
      withTrust({ vouchedBy: [{ ...delegated('qa/nightly'), path: ['targets', 'qa', 'qa/nightly'] }] }),
      [],
    ],
    [
      'a role that a signer made under the name of another',
      'signatures: {allOf: [{tufRole: security}, {signer: security}]}',
      withTrust({ vouchedBy: [{ ...delegated('security'), path: ['targets', 'dev', 'security'] }] }),
      ['ROLE_THRESHOLD', 'SIGNER_MISSING'],
    ],
    [
      'a role below one that a signer made under the name of another',
      'signatures: {allOf: [{signer: qa/nightly}]}',
      withTrust({
        vouchedBy: [{ ...delegated('qa/nightly'), path: ['targets', 'dev', 'qa', 'qa/nightly'] }],
      }),
      ['SIGNER_MISSING'],
    ],
    [
      'two keys asked, one there',
      'signatures: {allOf: [{tufRole: targets, keys: 2}]}',
      good,
      ['ROLE_THRESHOLD'],
    ],
    [
      'two keys asked, one there twice',
      'signatures: {allOf: [{tufRole: targets, keys: 2}]}',
      vouched('k1', 'k1'),
      ['ROLE_THRESHOLD'],
    ],
    [
      'two keys asked and there',
      'signatures: {allOf: [{tufRole: targets, keys: 2}]}',
      vouched('k1', 'k2'),
      [],
    ],
    [
      'mirrored keys are one custodian',
      'signatures: {allOf: [{tufRole: targets, keys: 2}]}',
      withTrust({
        ...vouched('k1', 'k2').trust,
        mirrored: true,
        vouchedBy: [{ ...vouch, keyIds: ['k1', 'k2'] }],
      }),
      ['ROLE_THRESHOLD'],
    ],
    [
      'a signer who signed',
      'signatures: {allOf: [{signer: ci}]}',
      withTrust({ vouchedBy: [delegated('ci')] }),
      [],
    ],
    ['a signer who did not', 'signatures: {allOf: [{signer: ci}]}', good, ['SIGNER_MISSING']],
    [
      'a mirrored signer',
      'signatures: {allOf: [{signer: ci}]}',
      withTrust({ mirrored: true, vouchedBy: [delegated('ci')] }),
      ['SIGNER_MISSING'],
    ],
    ['a party with two signers', 'signatures: {allOf: [{party: managers}]}', vouched(ALICE, DANA), []],
    [
      'a party where one signer has two keys',
      'signatures: {allOf: [{party: managers}]}',
      vouched(ALICE, ALICE_2),
      ['ROLE_THRESHOLD'],
    ],
    [
      'a party by key and delegation',
      'signatures: {allOf: [{party: managers}]}',
      withTrust({ vouchedBy: [{ ...vouch, keyIds: [ALICE ?? ''] }, delegated('ci')] }),
      [],
    ],
    [
      'a party where one key stands for two',
      'signatures: {allOf: [{party: managers}]}',
      withTrust({ vouchedBy: [delegated('ci', ALICE)] }),
      ['ROLE_THRESHOLD'],
    ],
    [
      'a party that is mirrored',
      'signatures: {allOf: [{party: managers}]}',
      withTrust({ mirrored: true, vouchedBy: [{ ...vouch, keyIds: [ALICE ?? '', DANA ?? ''] }] }),
      ['ROLE_THRESHOLD'],
    ],
    ['a threshold of the rule', 'signatures: {allOf: [{party: managers, threshold: 1}]}', vouched(ALICE), []],
    [
      'allOf wants all',
      'signatures: {allOf: [{signer: ci}, {party: managers}]}',
      good,
      ['SIGNER_MISSING', 'ROLE_THRESHOLD'],
    ],
    ['anyOf wants one', 'signatures: {anyOf: [{signer: ci}, {tufRole: targets}]}', good, []],
    ['anyOf without one', 'signatures: {anyOf: [{signer: ci}, {party: managers}]}', good, ['SIGNER_MISSING']],
    ['refreshed in time', 'metadata: {refreshedWithin: 1h}', good, []],
    ['refreshed too long ago', 'metadata: {refreshedWithin: 59m}', good, ['METADATA_STALE']],
    [
      'refreshed in the future',
      'metadata: {refreshedWithin: 1h}',
      withTrust({ freshness: { refreshedAt: NOW + HOUR, expires: NOW + 2 * HOUR } }),
      ['METADATA_STALE'],
    ],
    ['enough remains', 'metadata: {remaining: 20h}', good, []],
    ['too little remains', 'metadata: {remaining: 21h}', good, ['METADATA_STALE']],
    ['issued in time', 'metadata: {issuedWithin: 2h}', good, []],
    ['issued too long ago', 'metadata: {issuedWithin: 1h}', good, ['METADATA_STALE']],
    [
      'not said when issued',
      'metadata: {issuedWithin: 30d}',
      withTrust({ freshness: { refreshedAt: NOW, expires: NOW + HOUR } }),
      ['METADATA_STALE'],
    ],
    ['not revoked', 'revocation: {revoked: deny}', good, []],
    [
      'nothing to pull, nothing to revoke',
      'revocation: {}',
      { ...good, image: { ...bare, tag: '1' }, revocation: { state: 'clear', checked: [] } },
      ['DIGEST_UNRESOLVED'],
    ],
    [
      'the index is not covered',
      'revocation: {}',
      withImage({ via: `sha256:${'c'.repeat(64)}` }),
      ['REVOCATION_UNKNOWN'],
    ],
  ];
  it.each(cases)('%s', (_name, rule, facts, expected) => {
    expect(codes(judge(`require: {${rule}}`, facts))).toEqual(expected);
  });

  it('counts every signer by a key of their own, whichever order they stand in', () => {
    // ci may use k9 or ALICE's key; only the assignment alice->ALICE, ci->k9 gives both a key.
    const facts = withTrust({ vouchedBy: [{ ...delegated('ci'), keyIds: [ALICE ?? '', 'k9'] }] });
    expect(codes(judge('require: {signatures: {allOf: [{party: managers}]}}', facts))).toEqual([]);
  });

  it('lets unknown registry evidence through only where the rule says so, and names the rule', () => {
    const silent: Facts = { ...good, registryDigest: { state: 'unknown', reason: 'NOT_GATHERED' } };
    expect(codes(judge('require: {reference: {tagMoved: deny}}', silent))).toEqual(['REGISTRY_UNKNOWN']);
    const relaxed = judge('onUnknown: allow, require: {reference: {tagMoved: deny}}', silent);
    expect(relaxed).toMatchObject({ decision: 'allow', relaxedBy: ['p/r0'], passed: [] });
    expect(judge('onUnknown: warn, require: {reference: {tagMoved: deny}}', silent).decision).toBe('warn');
    const moved: Facts = { ...good, registryDigest: { state: 'absent' } };
    expect(codes(judge('onUnknown: allow, require: {reference: {tagMoved: deny}}', moved))).toEqual([
      'TAG_MOVED',
    ]);
  });

  it('says when time alone will turn it', () => {
    const until = (rule: string) => judge(`require: {metadata: {${rule}}}`, good).nextTimeChange;
    expect(until('')).toBe('2026-11-22T04:00:00Z');
    expect(until('refreshedWithin: 2h')).toBe('2026-11-21T09:00:00Z');
    expect(until('remaining: 19h')).toBe('2026-11-21T09:00:00Z');
    expect(until('issuedWithin: 3h')).toBe('2026-11-21T09:00:00Z');
    expect(trustFacts.freshness.issued).toBe(NOW - 2 * HOUR);
  });
});
