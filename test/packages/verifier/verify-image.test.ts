/** Which digest is judged, and who speaks for it: tags, digests, children of indexes, platforms, moved tags. */
import { evaluate, type Facts } from '@vidimus/policy';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { buildxIndex, helloImage } from '../../support/image-builder.ts';
import { map } from '../../support/tuf-simulator.ts';
import { bundle, decisionId, makeVerifierBed, type VerifierBed, verdict } from './verifier-bed.ts';

const web = buildxIndex('web');
const other = buildxIndex('other');
const tool = helloImage('tool');
let bed: VerifierBed;

beforeEach(async () => {
  bed = await makeVerifierBed();
  bed.sign('1.0', web.index);
  bed.sign('tool', tool);
  bed.publish();
});
afterEach(async () => {
  await bed.close();
});

describe('an index that a role vouches for', () => {
  it('is allowed by tag, pinned, with the platforms it covers', async () => {
    const { decision, facts } = await bed.verify(':1.0');
    expect(decision.decision).toBe('allow');
    expect(decision.image).toMatchObject({
      digest: web.index.digest,
      resolved: `${bed.repository}@${web.index.digest}`,
      size: web.index.size,
      mediaType: web.index.mediaType,
      platforms: ['linux/amd64', 'linux/arm64'],
    });
    expect(facts.trust.state === 'known' && facts.trust.value.vouchedBy).toMatchObject([
      { role: 'targets', path: ['targets'], tag: '1.0', digest: web.index.digest, threshold: 1 },
    ]);
  });

  it('is allowed by its own digest, whichever tag vouches', async () => {
    const { decision } = await bed.verify(`@${web.index.digest}`);
    expect(decision).toMatchObject({ decision: 'allow', image: { digest: web.index.digest, tag: null } });
    expect(decision.image.via).toBeUndefined();
  });

  it.each([
    ['an image', web.amd64],
    ['the other image', web.arm64],
    ['the attestation', web.attestation],
    ['a child nothing explains', web.unknown],
  ])('speaks for %s it lists, and the decision says so', async (_, child) => {
    const { decision, facts } = await bed.verify(`@${child.digest}`);
    expect(decision).toMatchObject({
      decision: 'allow',
      image: {
        digest: child.digest,
        via: web.index.digest,
        resolved: `${bed.repository}@${child.digest}`,
      },
    });
    expect(facts.trust.state === 'known' && facts.trust.value.vouchedBy.map(({ tag }) => tag)).toEqual([
      '1.0',
    ]);
  });

  it('speaks for a child named together with its tag, although the registry names the index there', async () => {
    const verification = await bed.verify(`:1.0@${web.arm64.digest}`, { strict: true });
    expect(verdict(verification)).toBe('allow');
    expect(verification.decision.image).toMatchObject({ tag: '1.0', via: web.index.digest });
  });

  it('does not speak for its config or a layer', async () => {
    const [config = ''] = web.amd64.blobs.keys();
    expect(verdict(await bed.verify(`@${config}`))).toBe('deny NOT_VOUCHED');
  });
});

describe('what nobody vouches for', () => {
  it('is a tag nobody signed, with the digest the registry claims for it', async () => {
    bed.registry.add(other.index, '2.0');
    const verification = await bed.verify(':2.0');
    expect(verdict(verification)).toBe('deny NOT_VOUCHED');
    expect(verification.decision.image.digest).toBe(other.index.digest);
  });

  it('is a digest nobody signed, and the children of such an index', async () => {
    bed.registry.add(other.index, '2.0');
    expect(verdict(await bed.verify(`@${other.index.digest}`))).toBe('deny NOT_VOUCHED');
    expect(verdict(await bed.verify(`@${other.amd64.digest}`))).toBe('deny NOT_VOUCHED');
  });

  it('is another digest under a signed tag, even one that another tag vouches for', async () => {
    bed.registry.add(other.index);
    expect(verdict(await bed.verify(`:1.0@${other.index.digest}`))).toContain('deny NOT_VOUCHED');
    expect(verdict(await bed.verify(`:1.0@${tool.digest}`))).toContain('deny NOT_VOUCHED');
    expect(verdict(await bed.verify(`:tool@${web.amd64.digest}`))).toContain('deny NOT_VOUCHED');
  });

  it('is a tag the registry does not have either: there is nothing to pin', async () => {
    const verification = await bed.verify(':9.9');
    expect(verdict(verification)).toBe('deny NOT_VOUCHED');
    expect(verification.decision.image.resolved).toBeNull();
  });

  it('is a tag that a delegated role lists outside its paths', async () => {
    bed.simulator.delegate('targets', 'edge', { paths: ['edge*'] });
    bed.sign('9.9', other.index, 'edge');
    bed.publish();
    expect(verdict(await bed.verify(':9.9'))).toBe('deny NOT_VOUCHED');
    expect(verdict(await bed.verify(`@${other.index.digest}`))).toBe('deny NOT_VOUCHED');
  });
});

describe('a platform', () => {
  it('narrows what is judged to its image, and the pinned digest stays the index', async () => {
    const { decision, image } = await bed.verify(':1.0', { platform: 'linux/arm64' });
    expect(decision.image).toMatchObject({ digest: web.index.digest, platforms: ['linux/arm64'] });
    expect(image?.closures.map((closure) => closure.image.digest)).toEqual([web.arm64.digest]);
  });

  it('that the index does not list is the caller’s mistake', async () => {
    await expect(bed.verify(':1.0', { platform: 'windows/amd64' })).rejects.toMatchObject({
      code: 'PLATFORM_UNKNOWN',
    });
  });

  it('is not claimed for an image alone, which does not say', async () => {
    const { decision } = await bed.verify(':tool', { platform: 'linux/s390x' });
    expect(decision).toMatchObject({ decision: 'allow', image: { platforms: [] } });
  });
});

// Attack T34: who can push to the registry moves the tag to an image of their own.
describe('a tag that was moved in the registry', () => {
  beforeEach(() => {
    bed.registry.add(other.index, '1.0');
  });

  it('is a warning, and the vouched digest is what may be pulled', async () => {
    const verification = await bed.verify(':1.0');
    expect(verdict(verification)).toBe('warn TAG_MOVED');
    expect(verification.decision.image.resolved).toBe(`${bed.repository}@${web.index.digest}`);
    expect(verification.facts.registryDigest).toEqual({ state: 'known', value: other.index.digest });
  });

  it('is refused when strict, still naming the vouched digest', async () => {
    const verification = await bed.verify(':1.0', { strict: true });
    expect(verdict(verification)).toBe('deny TAG_MOVED');
    expect(verification.decision.image.digest).toBe(web.index.digest);
  });

  it('does not matter to who asks by digest', async () => {
    expect(verdict(await bed.verify(`@${web.index.digest}`, { strict: true }))).toBe('allow');
  });
});

describe('a repository in bins', () => {
  it('speaks for targets, whose bins they are', async () => {
    const { simulator } = bed;
    const keys = simulator.signers.get('targets') ?? [];
    simulator.delegate('targets', 'bins', { keys });
    simulator.bins('bins', 'b1', 1, keys);
    for (const bin of ['b1-0', 'b1-1']) bed.sign('2.0', other.index, bin);
    bed.publish();
    const { decision, facts } = await bed.verify(':2.0');
    expect(decision.decision).toBe('allow');
    expect(facts.trust.state === 'known' && facts.trust.value.vouchedBy).toMatchObject([
      { path: ['targets', 'bins', expect.stringMatching(/^b1-[01]$/)], binOf: 'targets' },
    ]);
    expect(verdict(await bed.verify(`@${other.arm64.digest}`))).toBe('allow');
  });
});

describe('the search for the index above a digest', () => {
  const many = Array.from({ length: 65 }, (_, number) => buildxIndex(`many ${number}`));

  it('reads no signed image, and ends at a limit that it reports', async () => {
    for (const [number, { index }] of many.entries()) bed.sign(`many-${number}`, index);
    bed.publish();
    const before = bed.registry.requests.length;
    const verification = await bed.verify(`@${other.amd64.digest}`);
    expect(verdict(verification)).toBe('deny LIMIT');
    const asked = bed.registry.requests.slice(before).map(({ url }) => url);
    expect(asked.some((url) => url.includes(tool.digest))).toBe(false);
    expect(new Set(asked.filter((url) => url.includes('sha256:'))).size).toBe(65);
  });

  it('asks a registry that is down once, not once for every index', async () => {
    for (const [number, { index }] of many.slice(0, 10).entries()) bed.sign(`many-${number}`, index);
    bed.publish();
    expect(verdict(await bed.verify(`@${web.amd64.digest}`))).toBe('allow');
    const before = bed.registry.requests.length;
    bed.registry.intercept((request) => {
      request.socket.destroy();
      return true;
    });
    const { decision } = await bed.verify(`@${web.amd64.digest}`);
    expect(decision.failures.map(({ code, cause }) => `${code} ${cause}`)).toContain(
      'UNREACHABLE unreachable',
    );
    const asked = bed.registry.requests.slice(before).flatMap(({ url }) => /sha256:.*/.exec(url) ?? []);
    expect(new Set(asked).size).toBeLessThanOrEqual(2);
  });
});

describe('a decision', () => {
  it.each([
    [':1.0', false],
    [':2.0', false],
    [':1.0', true],
    [`@${web.amd64.digest}`, false],
  ])('about %s is the same again from its recorded facts (strict: %s)', async (name, strict) => {
    bed.registry.add(other.index, '1.0');
    const { decision, facts } = await bed.verify(name, { strict });
    const recorded: Facts = JSON.parse(JSON.stringify(facts));
    const again = evaluate(bundle, recorded, {
      now: bed.simulator.now,
      decisionId,
      evidenceDigest: decision.evidence.digest ?? '',
      tagMoved: strict ? 'deny' : 'warn',
    });
    expect(JSON.stringify(again)).toBe(JSON.stringify(decision));
  });

  it('is not made younger by a clock that was turned back', async () => {
    await bed.verify(':1.0');
    bed.simulator.now -= 3_600_000;
    const { decision } = await bed.verify(':1.0');
    expect(decision.evaluatedAt).toBe('2026-11-21T09:00:00Z');
  });

  it('names first the end of the shortest chain', async () => {
    const edge = bed.simulator;
    edge.delegate('targets', 'edge', { paths: ['edge*'] });
    bed.sign('edge', other.index, 'edge');
    bed.publish();
    map(edge.document('edge'))['expires'] = '2026-11-21T10:00:00Z';
    edge.write('edge');
    edge.publish();
    const { decision, facts } = await bed.verify(':edge');
    expect(decision.nextTimeChange).toBe('2026-11-21T10:00:00Z');
    expect(facts.trust.state === 'known' && facts.trust.value.freshness.expires).toBe(
      Date.UTC(2026, 10, 21, 10),
    );
  });
});
