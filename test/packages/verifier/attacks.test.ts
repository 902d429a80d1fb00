/** What a publisher, a registry or a trust server could try so that a revoked or foreign image is pulled. */

import { sha512Hex } from '@vidimus/crypto';
import type { SmallImage } from '@vidimus/oci';
import { type Bundle, compilePolicies } from '@vidimus/policy';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { helloImage } from '../../support/image-builder.ts';
import { ed25519Key } from '../../support/tuf-keys.ts';
import { define, map } from '../../support/tuf-simulator.ts';
import { OCI_INDEX_TYPE, smallDocument } from './small-document.ts';
import { makeVerifierBed, type VerifierBed, verdict } from './verifier-bed.ts';

const good = helloImage('good');
const bad = helloImage('bad');
const badLayer = [...bad.blobs.keys()].at(-1) ?? '';
const OCI_MANIFEST = 'application/vnd.oci.image.manifest.v1+json';

interface Entry {
  readonly image: SmallImage;
  readonly mediaType?: string;
  readonly digest?: string;
  readonly size?: number;
  readonly platform?: Readonly<Record<string, string>>;
}

/** An index as an attacker writes it: any media type, any digest, any platform. */
function indexOf(...entries: readonly Entry[]): SmallImage {
  const manifests = entries.map(({ image, ...entry }) => ({
    mediaType: OCI_MANIFEST,
    digest: image.digest,
    size: image.size,
    ...entry,
  }));
  const document = smallDocument({ schemaVersion: 2, mediaType: OCI_INDEX_TYPE, manifests }, OCI_INDEX_TYPE);
  return { ...document, children: entries.map(({ image }) => image) };
}

function policy(...rules: readonly string[]): Bundle {
  const text = `apiVersion: vidimus.dev/v1
kind: TrustPolicy
metadata: {name: test}
spec:
  match: {images: ["**"]}
  rules:
${rules.map((rule, at) => `    - {id: r${at}, require: ${rule}}`).join('\n')}
`;
  const { bundle, errors } = compilePolicies([{ file: 'test', text }]);
  if (bundle === undefined) throw errors[0];
  return bundle;
}

const linux = { os: 'linux', architecture: 'amd64' };
let bed: VerifierBed;

beforeEach(async () => {
  bed = await makeVerifierBed();
});
afterEach(async () => {
  await bed.close();
});

describe('a publisher who wants a revoked layer pulled', () => {
  it('cannot hide it in a child of a media type that engines overlook', async () => {
    const index = indexOf(
      { image: good, platform: { os: 'linux', architecture: 'arm64' } },
      { image: bad, mediaType: 'application/x-odd', platform: linux },
    );
    bed.sign('1.0', index);
    bed.revoke(badLayer);
    bed.publish();
    expect(verdict(await bed.verify(':1.0'))).toBe('deny MANIFEST_INVALID REVOCATION_UNKNOWN');
  });

  it('cannot hide it behind a first image of the same platform', async () => {
    const index = indexOf(
      { image: good, platform: { ...linux, variant: 'v1' } },
      { image: bad, platform: linux },
    );
    bed.sign('1.0', index);
    bed.revoke(badLayer);
    bed.publish();
    expect(verdict(await bed.verify(':1.0', { platform: 'linux/amd64' }))).toBe('deny DIGEST_REVOKED');
  });
  it('cannot hide it in an image without a platform', async () => {
    const index = indexOf({ image: bad }, { image: good, platform: linux });
    bed.sign('1.0', index);
    bed.revoke(badLayer);
    bed.publish();
    expect(verdict(await bed.verify(':1.0', { platform: 'linux/amd64' }))).toBe('deny DIGEST_REVOKED');
  });

  it('cannot name a revoked image by another algorithm', async () => {
    const digest = `sha512:${sha512Hex(bad.bytes)}`;
    const index = indexOf({ image: bad, digest, platform: linux });
    bed.sign('1.0', index);
    bed.registry.add({ ...bad, digest });
    bed.revoke(bad.digest);
    bed.publish();
    expect(verdict(await bed.verify(':1.0'))).toBe('deny REVOCATION_UNKNOWN');
  });
});

describe('an index that says something untrue of a child', () => {
  it.each([
    ['its length', { size: good.size + 1 }, 'deny LENGTH_MISMATCH'],
    [
      'its type',
      { mediaType: 'application/vnd.docker.distribution.manifest.v2+json' },
      'deny MANIFEST_INVALID',
    ],
  ] as const)('does not vouch for the child where it lies about %s', async (_, lie, expected) => {
    bed.sign('1.0', indexOf({ image: good, platform: linux, ...lie }));
    bed.publish();
    for (const name of [':1.0', `@${good.digest}`, `:1.0@${good.digest}`]) {
      expect(verdict(await bed.verify(name))).toBe(expected);
    }
  });
});

describe('a list of revocations', () => {
  it('that names a digest in upper case does not clear it', async () => {
    bed.sign('1.0', good);
    bed.revoke(good.digest);
    const targets = map(bed.simulator.document('revocations'), 'targets');
    const entry = targets[good.digest];
    delete targets[good.digest];
    define(targets, good.digest.toUpperCase(), entry ?? null);
    bed.publish();
    expect(verdict(await bed.verify(':1.0'))).toBe('deny REVOCATION_UNKNOWN');
  });

  it('that a server hides with everything else is not an empty one', async () => {
    bed.sign('1.0', good);
    bed.revoke(good.digest);
    bed.publish();
    const policies = policy('{revocation: {revoked: deny}}');
    expect(verdict(await bed.verify(':1.0', { policies }))).toBe('deny DIGEST_REVOKED');
    bed.simulator.files.clear();
    expect(verdict(await bed.verify(':1.0', { policies }))).toBe('deny NO_TRUST_DATA');
  });
});

describe('a delegated signer', () => {
  it('does not speak for targets because its role is called bins', async () => {
    bed.simulator.delegate('targets', 'bins', { keys: [ed25519Key('contractor')] });
    bed.sign('1.0', good, 'bins');
    bed.publish();
    const policies = policy('{signatures: {allOf: [{tufRole: targets}]}}');
    expect(verdict(await bed.verify(':1.0', { policies }))).toBe('deny ROLE_THRESHOLD');
  });

  it('does not speak for a role of another name by delegating to it', async () => {
    bed.simulator.delegate('targets', 'dev', { keys: [ed25519Key('dev')] });
    bed.simulator.delegate('dev', 'security', { keys: [ed25519Key('dev')] });
    bed.sign('1.0', good, 'security');
    bed.publish();
    const policies = policy('{signatures: {allOf: [{signer: security}]}}');
    expect(verdict(await bed.verify(':1.0', { policies }))).toBe('deny SIGNER_MISSING');
  });
});
