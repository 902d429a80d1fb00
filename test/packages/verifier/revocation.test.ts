/** Three answers about revocation, over everything that would be pulled: index, manifest, config, layers. */
import { type SmallImage, smallIndex } from '@vidimus/oci';
import { parsePlatform } from '@vidimus/reference';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { buildxIndex, helloImage } from '../../support/image-builder.ts';
import { define, map } from '../../support/tuf-simulator.ts';
import { smallDocument } from './small-document.ts';
import { makeVerifierBed, type VerifierBed, verdict } from './verifier-bed.ts';

const web = buildxIndex('web');
const other = buildxIndex('other');
const arm64 = parsePlatform('linux/arm64');
const nowhere = parsePlatform('unknown/unknown');

/** Digests of config and layers, as the manifest names them. */
function parts(image: SmallImage): { readonly config: string; readonly layer: string } {
  const manifest: { config: { digest: string }; layers: { digest: string }[] } = JSON.parse(
    new TextDecoder().decode(image.bytes),
  );
  return { config: manifest.config.digest, layer: manifest.layers[0]?.digest ?? '' };
}

let bed: VerifierBed;

beforeEach(async () => {
  bed = await makeVerifierBed();
  bed.sign('1.0', web.index);
  bed.publish();
});
afterEach(async () => {
  await bed.close();
});

describe('a revoked digest', () => {
  it.each([
    // What is revoked, and what that refuses: the whole, amd64 alone, arm64 alone.
    ['the index', web.index.digest, 'index', [true, true, true]],
    ['one image', web.amd64.digest, 'manifest', [true, true, false]],
    ['its config', parts(web.amd64).config, 'config', [true, true, false]],
    ['a layer both images share', parts(web.amd64).layer, 'layer', [true, true, true]],
    ['the attestation', web.attestation.digest, 'manifest', [true, false, false]],
    ['a child nothing explains', web.unknown.digest, 'manifest', [true, false, false]],
    ['a layer of that child', parts(web.unknown).layer, 'layer', [true, false, false]],
  ] as const)('that is %s refuses what carries it', async (_, digest, via, refused) => {
    bed.revoke(digest);
    bed.publish();
    const whole = await bed.verify(':1.0');
    const verdicts = [
      whole,
      await bed.verify(':1.0', { platform: 'linux/amd64' }),
      await bed.verify(':1.0', { platform: 'linux/arm64' }),
    ].map(verdict);
    expect(verdicts).toEqual(refused.map((is) => (is ? 'deny DIGEST_REVOKED' : 'allow')));
    expect(whole.decision.failures[0]?.facts).toMatchObject({
      digest,
      via,
      reason: 'a hole',
      list: 'repository',
    });
  });

  it('that is a child refuses the child asked for by digest, and not its sibling', async () => {
    bed.revoke(web.amd64.digest);
    bed.publish();
    expect(verdict(await bed.verify(`@${web.amd64.digest}`))).toBe('deny DIGEST_REVOKED');
    expect(verdict(await bed.verify(`@${web.arm64.digest}`))).toBe('allow');
    expect(verdict(await bed.verify(`:1.0@${web.arm64.digest}`))).toBe('allow');
  });

  it('that is the index refuses its children asked for by digest', async () => {
    bed.revoke(web.index.digest);
    bed.publish();
    expect(verdict(await bed.verify(`@${web.arm64.digest}`))).toBe('deny DIGEST_REVOKED');
  });

  it('that an inner index lists, of a type nobody reads, refuses the outer one', async () => {
    const odd = smallDocument({ schemaVersion: 2 }, 'application/vnd.example.odd+json');
    const inner = smallIndex([
      { image: web.arm64, platform: arm64 },
      { image: odd, platform: nowhere },
    ]);
    bed.sign('nested', smallIndex([{ image: inner, platform: arm64 }]));
    bed.publish();
    expect(verdict(await bed.verify(':nested'))).toBe('allow');
    bed.revoke(odd.digest);
    bed.publish();
    expect(verdict(await bed.verify(':nested'))).toBe('deny DIGEST_REVOKED');
  });

  it('is told as such under a tag nobody signed', async () => {
    bed.registry.add(other.index, 'stable');
    bed.revoke(other.index.digest);
    bed.publish();
    expect(verdict(await bed.verify(':stable'))).toBe('deny NOT_VOUCHED DIGEST_REVOKED');
  });

  it('whose entry says nothing else is revoked all the same', async () => {
    bed.revoke(web.index.digest);
    delete map(bed.simulator.document('revocations'), 'targets', web.index.digest)['custom'];
    bed.publish();
    expect(verdict(await bed.verify(':1.0'))).toBe('deny DIGEST_REVOKED');
  });
});

describe('the role of revocations', () => {
  it('vouches for nothing: an entry whose hash is another digest allows neither', async () => {
    bed.registry.add(other.index);
    const hashes = { sha256: other.index.digest.slice('sha256:'.length) };
    const path = `sha256:${'0'.repeat(64)}`;
    const targets = map(bed.simulator.document('revocations'), 'targets');
    define(targets, path, { length: other.index.size, hashes });
    bed.publish();
    expect(verdict(await bed.verify(`@${other.index.digest}`))).toBe('deny NOT_VOUCHED');
    expect(verdict(await bed.verify(`@${other.amd64.digest}`))).toBe('deny NOT_VOUCHED');
  });
});

describe('revocations that somebody else speaks over', () => {
  /** Anything but a revocation: an image that targets or a stranger vouches for under the digest's own name. */
  const clear = (role: string): void => {
    const hashes = { sha256: web.index.digest.slice('sha256:'.length) };
    const targets = map(bed.simulator.document(role), 'targets');
    define(targets, web.index.digest, { length: web.index.size, hashes, custom: {} });
  };
  const stranger = (terminating: boolean): void => {
    bed.simulator.delegate('targets', 'stranger', { paths: ['*', 'sha256:*'], terminating });
    const roles = map(bed.simulator.document('targets'), 'delegations')['roles'];
    if (!Array.isArray(roles)) throw new Error('no delegations');
    roles.unshift(...roles.splice(-1));
  };

  it.each<readonly [string, () => void]>([
    ['targets lists the digest itself', () => clear('targets')],
    [
      'a role before them lists it',
      () => {
        stranger(false);
        clear('stranger');
      },
    ],
    ['a terminating role before them covers it and lists nothing', () => stranger(true)],
    [
      'a terminating role before them lists it',
      () => {
        stranger(true);
        clear('stranger');
      },
    ],
    [
      'another role delegates to the same name',
      () => {
        stranger(true);
        bed.simulator.document('stranger')['delegations'] = structuredClone(
          map(bed.simulator.document('targets'), 'delegations'),
        );
      },
    ],
  ])('hold although %s: they are read by name', async (_, speakOver) => {
    bed.revoke(web.index.digest);
    bed.publish();
    expect(verdict(await bed.verify(':1.0'))).toBe('deny DIGEST_REVOKED');
    speakOver();
    bed.publish();
    expect(verdict(await bed.verify(':1.0'))).toBe('deny DIGEST_REVOKED');
    expect(verdict(await bed.verify(`@${web.index.digest}`))).toContain('deny DIGEST_REVOKED');
  });

  it('are unknown, and not empty, once targets no longer delegates to them, for a client that knew them', async () => {
    bed.revoke(web.index.digest);
    bed.publish();
    expect(verdict(await bed.verify(':1.0'))).toBe('deny DIGEST_REVOKED');
    const delegations = map(bed.simulator.document('targets'), 'delegations');
    delegations['roles'] = [];
    bed.publish();
    expect(verdict(await bed.verify(':1.0'))).toBe('deny REVOCATION_UNKNOWN');
  });

  it('are unknown while a role of their name is delegated by somebody else alone', async () => {
    stranger(true);
    const delegations = map(bed.simulator.document('targets'), 'delegations');
    bed.simulator.document('stranger')['delegations'] = structuredClone(delegations);
    const roles = delegations['roles'];
    if (Array.isArray(roles)) delegations['roles'] = roles.slice(0, 1);
    bed.publish();
    expect(verdict(await bed.verify(':1.0'))).toBe('deny REVOCATION_UNKNOWN');
  });
});

describe('a registry that does not deliver', () => {
  it('is no obstacle while nothing is revoked: the signed digest is enough', async () => {
    await bed.registry.close();
    const verification = await bed.verify(':1.0');
    expect(verdict(verification)).toBe('allow');
    expect(verification.image).toBeUndefined();
    expect(verification.decision.evidence.unavailable).toEqual([
      { evidence: 'registry', reason: 'UNREACHABLE', cause: 'unreachable' },
    ]);
  });

  it('hides what a revocation of something else could name: refused', async () => {
    bed.revoke(other.index.digest);
    bed.publish();
    await bed.registry.close();
    const { decision } = await bed.verify(':1.0');
    expect(decision).toMatchObject({
      decision: 'deny',
      retryable: true,
      failures: [{ code: 'REVOCATION_UNKNOWN', cause: 'unreachable', facts: { reason: 'UNREACHABLE' } }],
    });
  });

  it('hides nothing of a digest that is revoked itself', async () => {
    bed.revoke(web.index.digest);
    bed.publish();
    await bed.registry.close();
    expect(verdict(await bed.verify(':1.0'))).toBe('deny DIGEST_REVOKED');
  });

  it('is refused when asked to be strict: nobody knows where the tag points', async () => {
    await bed.registry.close();
    expect(verdict(await bed.verify(':1.0', { strict: true }))).toBe('deny REGISTRY_UNKNOWN');
  });
});

describe('a list of revoked digests that cannot be read', () => {
  const file = (): string => bed.simulator.fileName('revocations');
  it.each<readonly [string, string, () => void]>([
    [
      'expired',
      'EXPIRED judged',
      () => {
        bed.simulator.document('revocations')['expires'] = '2026-11-21T08:00:00Z';
        bed.simulator.write('revocations');
        bed.simulator.publish();
      },
    ],
    ['missing', 'MISSING unavailable', () => bed.simulator.files.delete(file())],
    [
      'signed by nobody',
      'THRESHOLD judged',
      () => {
        bed.simulator.next('revocations', (spoilt) => {
          spoilt.signatures = [];
        });
        bed.simulator.publish();
      },
    ],
    [
      'an older file under the newer name',
      'LENGTH_MISMATCH unavailable',
      () => {
        const old = bed.simulator.bytes('revocations');
        bed.revoke(other.index.digest);
        bed.publish();
        bed.simulator.files.set(file(), old);
      },
    ],
    [
      'absent from snapshot',
      'ROLE_UNKNOWN judged',
      () => {
        bed.simulator.documents.delete('revocations');
        delete map(bed.simulator.document('snapshot'), 'meta')['revocations.json'];
        bed.simulator.publish();
      },
    ],
    [
      'an HTML page',
      'METADATA_UNAVAILABLE unavailable',
      () => bed.simulator.files.set(file(), new TextEncoder().encode('<!doctype html>')),
    ],
  ])('because it is %s refuses: unknown is not "not revoked"', async (_, expected, spoil) => {
    spoil();
    const { decision, facts } = await bed.verify(':1.0');
    expect(decision.decision).toBe('deny');
    expect(facts.revocation.state).toBe('unknown');
    expect(
      decision.failures.map(({ code, cause, facts: { reason } }) => `${code} ${reason} ${cause}`),
    ).toEqual([`REVOCATION_UNKNOWN ${expected}`]);
  });

  it('because snapshot went back to an older one refuses everything', async () => {
    await bed.verify(':1.0');
    const { simulator } = bed;
    const before = simulator.version('revocations');
    simulator.document('revocations')['version'] = before - 1;
    simulator.write('revocations');
    simulator.publish();
    expect(verdict(await bed.verify(':1.0'))).toContain('deny ROLLBACK');
  });

  it('because targets delegates no such role refuses: it was there from version 1 on', async () => {
    const stripped = await makeVerifierBed({ withoutRevocations: true });
    stripped.sign('1.0', web.index);
    stripped.publish();
    const verification = await stripped.verify(':1.0');
    expect(verdict(verification)).toBe('deny REVOCATION_UNKNOWN');
    // A repository that is declared to be somebody else's has none, and that is no secret.
    expect(verdict(await stripped.verify(':1.0', { settings: { foreign: true } }))).toBe('allow');
    await stripped.close();
  });
});

describe('documents that are not what was signed', () => {
  const tool = helloImage('tool');

  it('have another length: refused, though the digest fits', async () => {
    bed.sign('tool', tool, 'targets', tool.size + 1);
    bed.publish();
    expect(verdict(await bed.verify(':tool'))).toContain('deny LENGTH_MISMATCH');
  });

  it('are both an index and an image: two readers would read two things', async () => {
    const both: Record<string, unknown> = JSON.parse(new TextDecoder().decode(tool.bytes));
    both['manifests'] = [];
    const document = smallDocument(both, tool.mediaType);
    bed.sign('both', document);
    bed.publish();
    expect(verdict(await bed.verify(':both'))).toContain('deny MANIFEST_INVALID');
  });
});
