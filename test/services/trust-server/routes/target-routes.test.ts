import type { TrustServerParts, TrustService } from '@vidimus/trust-server';
import { describe, expect, it } from 'vitest';
import { base, codeOf, serverForTest, sha256 } from '../trust-server-for-test.ts';

const manifest = new TextEncoder().encode('{"schemaVersion":2}');
const hash = sha256(manifest);
const findTarget: TrustService['findTarget'] = async (_repository, tag, wanted) =>
  tag === '1.4.2' && wanted === hash ? { size: manifest.length } : undefined;

function targets(parts: { readonly fetchManifest?: TrustServerParts['fetchManifest'] }, size?: number) {
  const fetched: string[] = [];
  const fetchManifest: TrustServerParts['fetchManifest'] = async (repository, digest, maxBytes) => {
    fetched.push(`${repository}@${digest}`);
    return await (parts.fetchManifest ?? (async () => manifest))(repository, digest, maxBytes);
  };
  const service = size === undefined ? { findTarget } : { findTarget: async () => ({ size }) };
  return { ...serverForTest(service, { fetchManifest }), fetched };
}

describe('GET /targets/<sha256>.<tag>', () => {
  it('serves the bytes a role vouches for', async () => {
    const { app, fetched } = targets({});
    const response = await app.request(`${base}/targets/${hash}.1.4.2`);
    expect(response.status).toBe(200);
    expect(new Uint8Array(await response.arrayBuffer())).toEqual(manifest);
    expect(response.headers.get('content-type')).toBe('application/octet-stream');
    expect(fetched).toEqual([`registry.example.com/shop/web@sha256:${hash}`]);
  });

  it.each([
    ['a digest nobody vouches for', `${'0'.repeat(64)}.1.4.2`],
    ['another tag', `${hash}.1.4.3`],
    ['no tag', `${hash}.`],
    ['no digest', '1.4.2'],
    ['a digest in upper case', `${hash.toUpperCase()}.1.4.2`],
    ['a tag that is none', `${hash}.-x`],
  ])('asks no registry for %s', async (_what, file) => {
    const { app, fetched } = targets({});
    expect(await codeOf(await app.request(`${base}/targets/${file}`))).toBe('404 METADATA_UNKNOWN');
    expect(fetched).toEqual([]);
  });

  it('asks no registry for a manifest over 4 MiB', async () => {
    const { app, fetched } = targets({}, 4_194_305);
    expect((await app.request(`${base}/targets/${hash}.1.4.2`)).status).toBe(404);
    expect(fetched).toEqual([]);
  });

  it('says how to allow a registry that the service may not contact', async () => {
    const { app } = targets({ fetchManifest: async () => undefined });
    const response = await app.request(`${base}/targets/${hash}.1.4.2`);
    expect(response.status).toBe(404);
    expect(await response.text()).toContain('service.registries');
  });

  it.each([
    ['other bytes of the same length', new Uint8Array(manifest.length)],
    ['fewer bytes', manifest.slice(1)],
    ['nothing', new Uint8Array()],
  ])('passes nothing on when the registry answers with %s', async (_what, bytes) => {
    const { app } = targets({ fetchManifest: async () => bytes });
    expect(await codeOf(await app.request(`${base}/targets/${hash}.1.4.2`))).toBe('404 METADATA_UNKNOWN');
  });
});
