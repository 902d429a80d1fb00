import { DOCKER_INDEX, DOCKER_MANIFEST, OCI_INDEX, OCI_MANIFEST, parseManifest } from '@vidimus/oci';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { buildxIndex, helloImage } from '../../support/image-builder.ts';

const { index, amd64, arm64, attestation, unknown } = buildxIndex();
const digest = `sha256:${'a'.repeat(64)}`;
const child = { mediaType: OCI_MANIFEST, digest, size: 5 };
const goodImage = { schemaVersion: 2, mediaType: OCI_MANIFEST, config: child, layers: [child] };
const goodIndex = { schemaVersion: 2, mediaType: OCI_INDEX, manifests: [child] };

const bytesOf = (value: unknown): Uint8Array =>
  Buffer.from(typeof value === 'string' ? value : JSON.stringify(value));

describe('parseManifest', () => {
  it.each(['oci', 'docker'] as const)('reads an image manifest (%s)', (format) => {
    const image = helloImage('hello', 'linux/amd64', format);
    const parsed = parseManifest(image.bytes, image.mediaType);
    expect(parsed).toMatchObject({ kind: 'image', digest: image.digest, size: image.bytes.length });
    const parts = parsed.kind === 'image' ? [parsed.config, ...parsed.layers] : [];
    expect(parts.map((part) => part.digest)).toEqual([...image.blobs.keys()]);
  });

  it('reads an index and says what each child is', () => {
    const parsed = parseManifest(index.bytes, OCI_INDEX);
    const entries = parsed.kind === 'index' ? parsed.entries : [];
    expect(entries.map((entry) => [entry.kind, entry.digest])).toEqual([
      ['image', amd64.digest],
      ['image', arm64.digest],
      ['attestation', attestation.digest],
      ['unknown', unknown.digest],
    ]);
    expect(entries[2]?.attests).toBe(amd64.digest);
  });

  it('takes the media type from the header when an OCI document does not say', () => {
    const { mediaType: _, ...silent } = goodImage;
    expect(parseManifest(bytesOf(silent), OCI_MANIFEST).kind).toBe('image');
  });

  it('does not let an annotation hide an image with a real platform', () => {
    const annotations = { 'vnd.docker.reference.type': 'attestation-manifest' };
    const entry = { ...child, platform: { os: 'linux', architecture: 'amd64' }, annotations };
    const parsed = parseManifest(bytesOf({ ...goodIndex, manifests: [entry] }), OCI_INDEX);
    expect(parsed.kind === 'index' && parsed.entries[0]?.kind).toBe('image');
  });

  it('allows annotations that differ in case: they are data', () => {
    const annotated = { ...goodImage, annotations: { Layers: 'x', layers: 'y', CONFIG: 'z' } };
    expect(parseManifest(bytesOf(annotated), OCI_MANIFEST).kind).toBe('image');
  });

  const { mediaType: _, ...silent } = goodImage;
  const refused: readonly (readonly [string, unknown, string?])[] = [
    ['manifests and layers', { ...goodImage, manifests: [child] }],
    ['an index with a config', { ...goodIndex, config: child }, OCI_INDEX],
    ['an image served as an index', { ...silent }, OCI_INDEX],
    ['an index served as an image', { schemaVersion: 2, manifests: [child] }],
    ['another media type than served', { ...goodImage, mediaType: DOCKER_MANIFEST }],
    ['a media type that is no text', { ...goodImage, mediaType: 7 }],
    ['a Docker document that does not say its type', silent, DOCKER_MANIFEST],
    ['a Docker list that does not say its type', { schemaVersion: 2, manifests: [child] }, DOCKER_INDEX],
    ['schema 1', { schemaVersion: 1, fsLayers: [], history: [] }],
    ['schema 1 dressed as 2', { ...goodImage, fsLayers: [] }],
    ['no schema version', { ...goodImage, schemaVersion: undefined }],
    ['a schema version in text', { ...goodImage, schemaVersion: '2' }],
    ['an artifact manifest', { ...goodImage, blobs: [] }],
    ['a media type that we do not read', goodImage, 'application/vnd.oci.artifact.manifest.v1+json'],
    ['members that differ in case', { ...goodImage, Layers: [] }],
    [
      'a known member in another case alone',
      { schemaVersion: 2, Manifests: [child], config: child, layers: [] },
    ],
    ['a member with a long s', { ...goodImage, 'layer\u017f': [] }],
    ['a member with a Kelvin sign', { ...goodImage, fook: 1, 'foo\u212a': 2 }],
    ['a digest in another case of member', { ...goodImage, layers: [{ ...child, Digest: digest }] }],
    [
      'a platform in another case',
      { ...goodIndex, manifests: [{ ...child, platform: { os: 'linux', OS: 'x', architecture: 'a' } }] },
      OCI_INDEX,
    ],
    ['a duplicate member', `{"schemaVersion":2,"layers":[],"layers":[],"config":${JSON.stringify(child)}}`],
    ['a digest of another algorithm', { ...goodImage, config: { ...child, digest: 'md5:abc' } }],
    ['a digest in upper case', { ...goodImage, config: { ...child, digest: digest.toUpperCase() } }],
    ['a digest that is a path', { ...goodImage, config: { ...child, digest: 'sha256:../../../etc/passwd' } }],
    ['a negative size', { ...goodImage, layers: [{ ...child, size: -1 }] }],
    ['a fractional size', { ...goodImage, layers: [{ ...child, size: 1.5 }] }],
    ['a size beyond 2^53', JSON.stringify(goodImage).replace('"size":5', '"size":9007199254740993')],
    ['no layers', { ...goodImage, layers: undefined }],
    ['layers that are an object', { ...goodImage, layers: {} }],
    ['too many layers', { ...goodImage, layers: Array(1_001).fill(child) }],
    ['too many children', { ...goodIndex, manifests: Array(1_001).fill(child) }, OCI_INDEX],
    [
      'an empty platform',
      { ...goodIndex, manifests: [{ ...child, platform: { os: '', architecture: '' } }] },
      OCI_INDEX,
    ],
    [
      'a platform that is none',
      { ...goodIndex, manifests: [{ ...child, platform: { os: 'a b', architecture: 'x' } }] },
      OCI_INDEX,
    ],
    ['nesting', `${'{"a":'.repeat(20)}1${'}'.repeat(20)}`],
    ['an array', []],
    ['null', null],
    ['something after the document', `${JSON.stringify(goodImage)} {}`],
    ['a byte order mark', `\ufeff${JSON.stringify(goodImage)}`],
  ];

  const cases = refused.map(([name, document, mediaType = OCI_MANIFEST]) => ({ name, document, mediaType }));

  it.each(cases)('refuses $name', ({ document, mediaType }) => {
    expect(() => parseManifest(bytesOf(document), mediaType)).toThrow(
      expect.objectContaining({ name: 'OciError', code: 'DOCUMENT_REFUSED' }),
    );
  });

  it('refuses more than 4 MiB', () => {
    expect(() => parseManifest(new Uint8Array(4 * 1024 * 1024 + 1), OCI_MANIFEST)).toThrow(
      expect.objectContaining({ code: 'TOO_LARGE' }),
    );
  });

  it('answers any JSON and any flipped byte with a document or an OciError', () => {
    const flipped = fc
      .tuple(fc.nat(index.bytes.length - 1), fc.integer({ min: 1, max: 255 }))
      .map(([at, mask]) => index.bytes.map((byte, i) => (i === at ? byte ^ mask : byte)));
    const arbitrary = fc.oneof(
      fc.json().map((text) => Buffer.from(text)),
      flipped,
      fc.uint8Array(),
    );
    fc.assert(
      fc.property(arbitrary, fc.constantFrom(OCI_INDEX, OCI_MANIFEST, DOCKER_INDEX), (bytes, mediaType) => {
        try {
          return parseManifest(bytes, mediaType).size === bytes.length;
        } catch (error) {
          return error instanceof Error && error.name === 'OciError';
        }
      }),
      { seed: 2026, numRuns: 500 },
    );
  });
});
