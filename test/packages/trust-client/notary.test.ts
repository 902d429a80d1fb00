/** Repositories of the `notary` dialect, read over their wire: by the same client, with the same promises. */
import { readdir } from 'node:fs/promises';
import { join } from 'node:path';
import { sha256Hex } from '@vidimus/crypto';
import { exportAnchor, listAnchors, metadataUrl, parseAnchorFile, pinAnchor } from '@vidimus/trust-client';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { makeCertificate } from '../../support/notary-certificates.ts';
import { certificateKey } from '../../support/notary-keys.ts';
import { NotarySimulator } from '../../support/notary-simulator.ts';
import {
  errorOf,
  makeNotaryBed,
  makeTestBed,
  refusalOf,
  type TestBed,
} from '../../support/trust-test-bed.ts';
import { DAY, REPOSITORY, START } from '../../support/tuf-simulator.ts';

const firstUse = { anchor: { kind: 'firstUse' } } as const;
const noAnchor = { anchor: undefined };

let bed: TestBed<NotarySimulator>;

beforeEach(async () => {
  const simulator = new NotarySimulator();
  simulator.delegate('targets', 'releases');
  simulator.target('releases', 'v1', 'content of v1');
  simulator.write('releases');
  simulator.next('targets');
  simulator.publish();
  bed = await makeNotaryBed(simulator);
});
afterEach(async () => {
  await bed.close();
});

describe('a notary repository', () => {
  it('is read where its clients look', async () => {
    const trust = bed.start();
    const name = (role: string): string =>
      `${role}.${sha256Hex(bed.simulator.current.get(role.replace('targets/', '')) ?? new Uint8Array())}.json`;
    const found = await trust.lookUp('v1');
    expect(found?.chain.map(({ role }) => role)).toEqual(['targets', 'releases']);
    expect(bed.server.seen()).toEqual([
      '2.root.json',
      'timestamp.json',
      name('snapshot'),
      name('targets'),
      name('targets/releases'),
    ]);
    expect(metadataUrl('https://x/', 'x/y', 'notary')).toBe('https://x/v2/x/y/_trust/tuf/');
  });

  it('says its dialect, and that it has no list of revocations', async () => {
    const trust = bed.start();
    expect(await trust.refresh()).toMatchObject({ dialect: 'notary', anchor: 'root', offline: false });
    expect(await trust.lookUpRevocations()).toEqual({ status: 'absent', because: 'dialect' });
    expect((await trust.list()).targets.map(({ target }) => target.path).sort()).toEqual(['latest', 'v1']);
  });

  it('is cached beside the other dialect, and asked for its timestamp alone when nothing changed', async () => {
    await bed.start().lookUp('v1');
    const directory = join(bed.cache.directory, sha256Hex(new TextEncoder().encode(REPOSITORY)));
    expect((await readdir(join(directory, 'notary'))).sort()).toEqual([
      'releases.json',
      'root.json',
      'snapshot.json',
      'targets.json',
      'timestamp.json',
    ]);
    expect(await readdir(directory)).not.toContain('tuf');
    bed.server.seen();
    await bed.start().lookUp('v1');
    expect(bed.server.seen()).toEqual(['2.root.json', 'timestamp.json']);
  });

  it('is judged on the unexpired cache while the server is away', async () => {
    await bed.start().lookUp('v1');
    await bed.server.close();
    const trust = bed.start();
    expect(await trust.lookUp('v1')).toBeDefined();
    expect(trust.state).toMatchObject({ offline: true });
    bed.simulator.now += 15 * DAY;
    expect(await refusalOf(bed.start().refresh())).toBe('UNREACHABLE');
  });

  it('never rolls back in a new process', async () => {
    const old = bed.simulator.files.get('timestamp.json') ?? new Uint8Array();
    bed.simulator.publish();
    await bed.start().refresh();
    bed.simulator.files.set('timestamp.json', old);
    expect(await refusalOf(bed.start().refresh())).toBe('ROLLBACK');
  });

  it('is not read in the other dialect because this one is missing', async () => {
    const other = await makeTestBed();
    try {
      const trust = other.start({ ...firstUse, dialect: 'notary' });
      expect(await refusalOf(trust.refresh())).toBe('NO_TRUST_DATA');
      expect(other.server.seen().every((path) => path.includes('/_trust/tuf/'))).toBe(true);
    } finally {
      await other.close();
    }
  });
});

describe('an anchor of a notary repository', () => {
  const certId = (): string => bed.simulator.signers.get('root')?.[0]?.keyId ?? '';

  it('is needed, and the hint says how to pin one', async () => {
    const error = await errorOf(bed.start(noAnchor).refresh());
    expect(error).toMatchObject({ code: 'ANCHOR_MISSING', hint: expect.stringContaining('--cert-id ID') });
  });

  it('by first use is kept with its dialect', async () => {
    expect(await bed.start(firstUse).refresh()).toMatchObject({ anchor: 'firstUse' });
    expect(bed.warnings).toContain('FIRST_USE');
    expect(await listAnchors(bed.cache)).toMatchObject([
      { dialect: 'notary', kind: 'firstUse', keyIds: [certId()], threshold: 1, root: { version: 1 } },
    ]);
    bed.warnings.length = 0;
    await bed.start(firstUse).refresh();
    expect(bed.warnings).toEqual([]);
  });

  it('by certificate ids is pinned, shown, exported, and holds', async () => {
    const anchor = { kind: 'certificates', certIds: [certId()] } as const;
    expect(await pinAnchor(bed.cache, REPOSITORY, anchor, 'notary')).toEqual({
      repository: REPOSITORY,
      dialect: 'notary',
      kind: 'certificate',
      keyIds: [certId()],
      threshold: 0,
    });
    expect(parseAnchorFile(await exportAnchor(bed.cache, REPOSITORY), REPOSITORY)).toEqual({
      repository: REPOSITORY,
      dialect: 'notary',
      pinned: anchor,
    });
    expect(await bed.start(noAnchor).refresh()).toMatchObject({ anchor: 'certificate' });
    const other = { kind: 'certificates', certIds: ['0'.repeat(64)] } as const;
    expect(await refusalOf(bed.start({ anchor: other }).refresh())).toBe('ANCHOR_MISMATCH');
  });

  it('by authority holds for certificates that it issued, and for no others', async () => {
    const ca = makeCertificate({ key: 'ca', commonName: 'Acme CA', notBefore: START, isCa: true });
    const anchor = { kind: 'authority', caPem: ca.pem } as const;
    expect(await refusalOf(bed.start({ anchor }).refresh())).toBe('ANCHOR_MISMATCH');
    const issued = certificateKey({ key: 'leaf', commonName: REPOSITORY, notBefore: START, issuer: ca });
    const own = await makeNotaryBed(new NotarySimulator({ rootKeys: [issued] }));
    try {
      await pinAnchor(own.cache, REPOSITORY, anchor, 'notary');
      expect(await own.start(noAnchor).refresh()).toMatchObject({ anchor: 'ca' });
      expect(await listAnchors(own.cache)).toMatchObject([{ kind: 'ca', keyIds: [], threshold: 0 }]);
    } finally {
      await own.close();
    }
  });

  it('by a root file is checked before it is pinned', async () => {
    const bytes = bed.simulator.files.get('1.root.json') ?? new Uint8Array();
    expect(await refusalOf(pinAnchor(bed.cache, REPOSITORY, { kind: 'root', bytes }))).toBe('ANCHOR_INVALID');
    const other = new NotarySimulator({ repository: 'registry.example.com/other' });
    const foreign = { kind: 'root', bytes: other.files.get('1.root.json') ?? new Uint8Array() } as const;
    expect(await refusalOf(pinAnchor(bed.cache, REPOSITORY, foreign, 'notary'))).toBe('ANCHOR_INVALID');
    await pinAnchor(bed.cache, REPOSITORY, { kind: 'root', bytes }, 'notary');
    expect(await bed.start(noAnchor).refresh()).toMatchObject({ anchor: 'root' });
  });

  it('says by itself what dialect the repository is read in', async () => {
    const anchor = { kind: 'certificates', certIds: [certId()] } as const;
    await pinAnchor(bed.cache, REPOSITORY, anchor, 'notary');
    const silent = { anchor: undefined, dialect: undefined };
    expect(await bed.start(silent).refresh()).toMatchObject({ dialect: 'notary', anchor: 'certificate' });
    // One that is configured goes first, and is of the dialect tuf unless the configuration says otherwise.
    const root = { kind: 'root', bytes: bed.simulator.files.get('1.root.json') ?? new Uint8Array() } as const;
    expect(await refusalOf(bed.start({ anchor: root, dialect: undefined }).refresh())).toBe('WRONG_TYPE');
  });

  it('that is a leaf is no authority', async () => {
    const leaf = makeCertificate({ key: 'leaf', commonName: REPOSITORY, notBefore: START });
    const anchor = { kind: 'authority', caPem: leaf.pem } as const;
    expect(await refusalOf(pinAnchor(bed.cache, REPOSITORY, anchor, 'notary'))).toBe('ANCHOR_INVALID');
  });

  it.each([
    ['certificates of the dialect tuf', { kind: 'certificates', certIds: ['0'.repeat(64)] }, 'tuf'],
    ['an authority of the dialect tuf', { kind: 'authority', caPem: 'pem' }, 'tuf'],
    ['no certificate', { kind: 'certificates', certIds: [] }, 'notary'],
    ['half of an id', { kind: 'certificates', certIds: ['0'.repeat(32)] }, 'notary'],
    ['an empty authority', { kind: 'authority', caPem: '' }, 'notary'],
  ] as const)('that is %s is refused', async (_, anchor, dialect) => {
    expect(await refusalOf(pinAnchor(bed.cache, REPOSITORY, anchor, dialect))).toBe('ANCHOR_INVALID');
  });

  it('of the one dialect is none for the other, and does not turn into first use', async () => {
    await bed.start(firstUse).refresh();
    expect(await refusalOf(bed.start({ ...firstUse, dialect: 'tuf' }).refresh())).toBe('ANCHOR_MISMATCH');
  });
});
