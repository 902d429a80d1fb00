/** The organisation's list of revoked digests stands beside the repository's own: one that revokes is enough. */
import { pinAnchor } from '@vidimus/trust-client';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { makeDirectory, nameIn, revokeIn, rootsOf } from '../../support/directory-simulator.ts';
import { buildxIndex } from '../../support/image-builder.ts';
import { type SimulatorServer, serveSimulator } from '../../support/trust-simulator-server.ts';
import { ed25519Key } from '../../support/tuf-keys.ts';
import type { TufSimulator } from '../../support/tuf-simulator.ts';
import { makeVerifierBed, type VerifierBed, verdict } from './verifier-bed.ts';

const web = buildxIndex('web');
let bed: VerifierBed;
let directory: TufSimulator;
let server: SimulatorServer;

beforeEach(async () => {
  bed = await makeVerifierBed();
  bed.sign('1.0', web.index);
  bed.publish();
  directory = makeDirectory();
  server = await serveSimulator(directory);
  const root = { kind: 'root', bytes: directory.bytes('root') } as const;
  await pinAnchor(bed.trust.cache, '_directory', root, 'tuf', { server: server.url, name: 'acme' });
  nameIn(directory, bed.repository, rootsOf(bed.simulator.signers.get('root') ?? []));
  directory.publishAll();
});
afterEach(async () => {
  await server.close();
  await bed.close();
});

const revoke = (digest: string): void => {
  revokeIn(directory, digest);
  directory.publishAll();
};

describe("the organisation's list", () => {
  it('allows what neither list names', async () => {
    const verification = await bed.verify(':1.0', { settings: { anchor: undefined } });
    expect(verdict(verification)).toBe('allow');
    expect(verification.trust).toMatchObject({ anchor: 'directory', directory: { name: 'acme', root: 1 } });
  });

  it.each([
    ['the index', web.index.digest],
    ['one image of it', web.amd64.digest],
  ])('refuses %s that it names, and says which list it was', async (_, digest) => {
    revoke(digest);
    const verification = await bed.verify(':1.0', { settings: { anchor: undefined } });
    expect(verdict(verification)).toBe('deny DIGEST_REVOKED');
    expect(verification.decision.failures[0]?.facts).toMatchObject({ digest, list: 'organisation' });
  });

  it('is told beside the repository’s own', async () => {
    bed.revoke(web.index.digest);
    bed.publish();
    revoke(web.index.digest);
    const { facts } = await bed.verify(':1.0');
    const lists =
      facts.revocation.state === 'revoked' ? facts.revocation.entries.map(({ list }) => list) : [];
    expect(lists).toEqual(['repository', 'organisation']);
  });

  it('speaks for repositories that the directory does not name, too', async () => {
    directory.document('targets')['targets'] = {};
    revoke(web.index.digest);
    expect(verdict(await bed.verify(':1.0'))).toBe('deny DIGEST_REVOKED');
  });

  it('refuses by digest as by tag', async () => {
    revoke(web.index.digest);
    expect(verdict(await bed.verify(`@${web.index.digest}`))).toBe('deny DIGEST_REVOKED');
  });

  it.each<[string, () => void]>([
    ['missing', () => directory.files.delete(directory.fileName('revocations'))],
    [
      'expired',
      () => {
        directory.document('revocations')['version'] = directory.version('revocations') + 1;
        directory.document('revocations')['expires'] = '2026-01-01T00:00:00Z';
        directory.write('revocations');
        directory.publish();
      },
    ],
    [
      'badly signed',
      () => {
        directory.next('revocations', (file) => file.signatures.splice(0));
        directory.publish();
      },
    ],
  ])('refuses everything while it is %s: unknown is not clear', async (_, spoil) => {
    spoil();
    const verification = await bed.verify(':1.0');
    expect(verification.decision.decision).toBe('deny');
    expect(verification.facts.revocation.state).toBe('unknown');
  });

  it('does not lift what the repository revoked when it is unknown', async () => {
    bed.revoke(web.index.digest);
    bed.publish();
    directory.files.delete(directory.fileName('revocations'));
    expect(verdict(await bed.verify(':1.0'))).toBe('deny DIGEST_REVOKED');
  });
});

describe('a directory', () => {
  it('that names other keys refuses the image', async () => {
    nameIn(directory, bed.repository, rootsOf([ed25519Key('other')]));
    directory.publishAll();
    expect(verdict(await bed.verify(':1.0'))).toBe('deny ANCHOR_MISMATCH REVOCATION_UNKNOWN');
  });

  it('that cannot be reached refuses the image, as unreachable', async () => {
    await server.close();
    const { decision } = await bed.verify(':1.0');
    expect(decision.failures.map(({ code }) => code)).toContain('UNREACHABLE');
  });
});
