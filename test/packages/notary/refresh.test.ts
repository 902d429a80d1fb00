/** The client workflow over a Notary repository in memory: the checks of `tuf`, where files go by hash. */
import { sha256Hex } from '@vidimus/crypto';
import { notaryDialect } from '@vidimus/notary';
import type { Anchor, RefreshInput } from '@vidimus/tuf';
import { describe, expect, it } from 'vitest';
import { makeCertificate } from '../../support/notary-certificates.ts';
import {
  certificateKey,
  ecdsaNotaryKey,
  ed25519NotaryKey,
  type NotaryKey,
} from '../../support/notary-keys.ts';
import { NotarySimulator } from '../../support/notary-simulator.ts';
import { codeOf, TufClient } from '../../support/tuf-client.ts';
import { DAY, map, REPOSITORY, START } from '../../support/tuf-simulator.ts';

function clientOf(server: NotarySimulator, input: Partial<RefreshInput> = {}): TufClient {
  return new TufClient(server, { dialect: notaryDialect, ...input });
}

function first(server: NotarySimulator): NotaryKey {
  const [key] = server.signers.get('root') ?? [];
  if (key === undefined) throw new Error('no root key');
  return key;
}

describe('a refresh', () => {
  it('asks for listed files by their hash, and for roots by version', () => {
    const server = new NotarySimulator();
    const client = clientOf(server);
    const state = client.refresh();
    const name = (role: string): string =>
      `${role}.${sha256Hex(server.current.get(role) ?? new Uint8Array())}.json`;
    expect(client.requests).toEqual(['2.root.json', 'timestamp.json', name('snapshot'), name('targets')]);
    expect(state.targets.document.version).toBe(1);
  });

  it('asks for the timestamp alone when nothing changed', () => {
    const server = new NotarySimulator();
    const client = clientOf(server);
    client.refresh();
    client.refresh();
    expect(client.requests).toEqual(['2.root.json', 'timestamp.json']);
    expect(client.writes).toEqual([]);
  });

  it('needs none of the signed x-vidimus members', () => {
    expect(codeOf(() => clientOf(new NotarySimulator(), { foreign: false }).refresh())).toBe('accepted');
  });

  it('follows a rotation of every role', () => {
    const server = new NotarySimulator();
    const client = clientOf(server);
    client.refresh();
    server.setRole('root', [server.rootKey('second')]);
    for (const role of ['targets', 'snapshot', 'timestamp'] as const) {
      server.setRole(role, [ed25519NotaryKey(`new ${role}`)]);
    }
    server.next('root');
    server.next('targets');
    server.publish();
    const state = client.refresh();
    expect(state.root.document.version).toBe(2);
    expect(state.roots).toHaveLength(2);
    expect(codeOf(() => clientOf(server).refresh())).toBe('accepted');
  });

  it('takes two keys of a threshold from a file that one of them signed twice', () => {
    const server = new NotarySimulator();
    server.setRole('targets', [ecdsaNotaryKey('a'), ecdsaNotaryKey('b')], 2);
    server.next('root');
    server.next('targets', (file) => file.signatures.unshift(...file.signatures.slice(0, 1)));
    server.publish();
    expect(clientOf(server).refresh().targets.keyIds).toHaveLength(2);
    server.next('targets', (file) => {
      file.signatures = [file.signatures[0] ?? {}, file.signatures[0] ?? {}];
    });
    server.publish();
    expect(codeOf(() => clientOf(server).refresh())).toBe('THRESHOLD');
  });
});

describe('a refresh refuses', () => {
  const published = (): { server: NotarySimulator; client: TufClient } => {
    const server = new NotarySimulator();
    server.next('targets');
    server.publish();
    const client = clientOf(server);
    client.refresh();
    return { server, client };
  };

  it.each(['timestamp', 'snapshot', 'targets'])('T9 T10 T11 a %s older than the one it had', (role) => {
    const { server, client } = published();
    server.document(role)['version'] = server.version(role) - 1;
    if (role === 'targets') server.write('targets');
    if (role === 'timestamp') server.write('timestamp');
    else {
      server.document('snapshot')['meta'] = {
        root: server.meta('root'),
        targets: server.meta('targets'),
      };
      server.write('snapshot');
      server.document('timestamp')['meta'] = { snapshot: server.meta('snapshot') };
      server.next('timestamp');
    }
    expect(codeOf(() => client.refresh())).toBe('ROLLBACK');
  });

  it('T13 a timestamp replayed until it is expired', () => {
    const { client } = published();
    client.now = START + 15 * DAY;
    expect(codeOf(() => client.refresh())).toBe('EXPIRED');
  });

  it('T14 a targets file under the snapshot of another publish', () => {
    const server = new NotarySimulator();
    const old = server.current.get('targets') ?? new Uint8Array();
    server.next('targets');
    server.publish();
    server.files.set(`targets.${sha256Hex(server.current.get('targets') ?? old)}.json`, old);
    expect(codeOf(() => clientOf(server).refresh())).toBe('HASH_MISMATCH');
  });

  it('a snapshot made for another root than the newest', () => {
    const server = new NotarySimulator();
    server.next('root');
    expect(codeOf(() => clientOf(server).refresh())).toBe('HASH_MISMATCH');
    server.publish();
    expect(codeOf(() => clientOf(server).refresh())).toBe('accepted');
  });

  it.each(['snapshot', 'targets'])('a %s that is listed without SHA-256', (role) => {
    const server = new NotarySimulator();
    const parent = role === 'snapshot' ? 'timestamp' : 'snapshot';
    server.publish();
    map(server.document(parent), 'meta', role)['hashes'] = {};
    server.next(parent);
    if (parent === 'snapshot') {
      server.document('timestamp')['meta'] = { snapshot: server.meta('snapshot') };
      server.next('timestamp');
    }
    expect(codeOf(() => clientOf(server).refresh())).toBe('MALFORMED');
  });

  it('T1 a root signed by the old key alone, or the new one alone', () => {
    const { server, client } = published();
    const [old] = server.signers.get('root') ?? [];
    const next = server.rootKey('second');
    server.setRole('root', [next]);
    for (const [keeps, key] of [
      ['old', old],
      ['new', next],
    ] as const) {
      server.document('root')['version'] = 2;
      server.write('root', (file) => {
        file.signatures = file.signatures.filter((signature) => signature['keyid'] === key?.keyId);
      });
      expect([keeps, codeOf(() => client.refresh())]).toEqual([keeps, 'THRESHOLD']);
      server.setRole('root', old === undefined ? [] : [old]);
      server.setRole('root', [next]);
    }
  });

  it('a signature that names a method of another kind of key', () => {
    const server = new NotarySimulator();
    for (const method of ['eddsa', 'rsapss', '', 'none']) {
      server.next('targets', (file) => {
        for (const signature of file.signatures) signature['method'] = method;
      });
      server.publish();
      expect(codeOf(() => clientOf(server).refresh())).toBe('THRESHOLD');
    }
  });

  it('an expired root', () => {
    const server = new NotarySimulator();
    const client = clientOf(server);
    client.now = START + 3651 * DAY;
    expect(codeOf(() => client.refresh())).toBe('EXPIRED');
  });
});

describe('a root certificate', () => {
  const rootKey = (options: Partial<Parameters<typeof certificateKey>[0]>): NotaryKey =>
    certificateKey({ key: 'root', commonName: REPOSITORY, notBefore: START, ...options });

  it.each([
    ['another repository', { commonName: 'registry.example.com/team/other' }, 'BINDING'],
    ['a longer name', { commonName: `${REPOSITORY}/more` }, 'BINDING'],
    ['a part of a name', { commonName: 'registry.example.com/te*' }, 'BINDING'],
    ['every repository', { commonName: '*' }, 'BINDING'],
    ['no repository', { commonName: '' }, 'BINDING'],
    ['its own components', { commonName: 'registry.example.com/team/*' }, 'accepted'],
    ['its registry', { commonName: 'registry.example.com/*' }, 'accepted'],
    ['an authority', { isCa: true }, 'MALFORMED'],
    ['SHA-1', { hash: 'sha1' }, 'MALFORMED'],
    ['the day after tomorrow', { notBefore: START + 2 * DAY }, 'LIFETIME'],
    ['the clock of a faster signer', { notBefore: START + DAY / 2 }, 'accepted'],
    ['yesterday', { notBefore: START - 9 * DAY, notAfter: START - DAY }, 'EXPIRED'],
  ] as const)('of %s is %s', (_, options, code) => {
    const server = new NotarySimulator({ rootKeys: [rootKey(options)] });
    expect(codeOf(() => clientOf(server).refresh())).toBe(code);
  });

  it('must be one: a bare key cannot sign a root', () => {
    const server = new NotarySimulator({ rootKeys: [ecdsaNotaryKey('bare')] });
    expect(codeOf(() => clientOf(server).refresh())).toBe('MALFORMED');
  });

  it('may be expired in a root that is not the newest', () => {
    const server = new NotarySimulator();
    server.setRole('root', [server.rootKey('short', 10)]);
    server.next('root');
    server.setRole('root', [server.rootKey('long')]);
    server.next('root');
    server.now += 11 * DAY;
    server.publish();
    expect(clientOf(server).refresh().root.document.version).toBe(3);
  });

  it('counts only while it is valid, whatever the threshold', () => {
    const server = new NotarySimulator();
    server.setRole('root', [server.rootKey('short', 10), server.rootKey('long')], 1);
    server.next('root');
    server.now += 11 * DAY;
    server.publish();
    expect(codeOf(() => clientOf(server).refresh())).toBe('accepted');
    const stale = new NotarySimulator();
    stale.setRole('root', [stale.rootKey('short', 10), stale.rootKey('long')], 2);
    stale.next('root');
    stale.now += 11 * DAY;
    stale.publish();
    expect(codeOf(() => clientOf(stale).refresh())).toBe('EXPIRED');
  });
});

describe('an anchor', () => {
  const firstUse: Anchor = { kind: 'firstUse' };

  it('by first use keeps the first root, 1 or 2, and holds the server to it', () => {
    for (const firstRoot of [1, 2]) {
      const server = new NotarySimulator({ firstRoot });
      const client = clientOf(server, { anchor: firstUse });
      expect(client.refresh().root.document.version).toBe(firstRoot);
      const other = new NotarySimulator({ firstRoot, rootKeys: [server.rootKey('thief')] });
      other.publish();
      server.files.clear();
      for (const [name, bytes] of other.files) server.files.set(name, bytes);
      expect(codeOf(() => client.refresh())).toMatch(/_MISMATCH$/);
    }
  });

  it('by first use is missing where there is no root at all', () => {
    const server = new NotarySimulator();
    server.files.clear();
    expect(codeOf(() => clientOf(server, { anchor: firstUse }).refresh())).toBe('MISSING');
  });

  it('by certificate ids accepts the root that they alone sign to its threshold', () => {
    const server = new NotarySimulator();
    const { keyId } = first(server);
    const pinned = (...certIds: string[]): Anchor => ({ kind: 'certificates', certIds });
    expect(codeOf(() => clientOf(server, { anchor: pinned(keyId) }).refresh())).toBe('accepted');
    expect(codeOf(() => clientOf(server, { anchor: pinned('0'.repeat(64)) }).refresh())).toBe('ANCHOR');
    expect(codeOf(() => clientOf(server, { anchor: pinned() }).refresh())).toBe('ANCHOR');

    const second = server.rootKey('second');
    server.setRole('root', [first(server), second], 2);
    server.next('root');
    server.publish();
    expect(codeOf(() => clientOf(server, { anchor: pinned(second.keyId) }).refresh())).toBe('ANCHOR');
    expect(codeOf(() => clientOf(server, { anchor: pinned(keyId, second.keyId) }).refresh())).toBe(
      'accepted',
    );
  });

  it('by certificate ids finds a later root, and trusts none before it', () => {
    const server = new NotarySimulator({ firstRoot: 2 });
    const second = server.rootKey('second');
    server.setRole('root', [second]);
    server.next('root');
    server.publish();
    const client = clientOf(server, { anchor: { kind: 'certificates', certIds: [second.keyId] } });
    expect(client.refresh().roots.map((root) => root.document.version)).toEqual([3]);
  });

  describe('by authority', () => {
    const ca = makeCertificate({ key: 'ca', commonName: 'Acme CA', notBefore: START - DAY, isCa: true });
    const intermediate = makeCertificate({
      key: 'intermediate',
      commonName: 'Acme Signing CA',
      notBefore: START - DAY,
      notAfter: START + 100 * DAY,
      isCa: true,
      issuer: ca,
    });
    const leaf = { key: 'leaf', commonName: REPOSITORY, notBefore: START } as const;
    const anchor: Anchor = { kind: 'authority', caPem: ca.pem };
    const refreshWith = (rootKey: NotaryKey, anchorOf: Anchor = anchor, now = START): string => {
      const client = clientOf(new NotarySimulator({ rootKeys: [rootKey], now }), { anchor: anchorOf });
      return codeOf(() => client.refresh());
    };

    it('accepts a root whose certificate it issued, itself or through another', () => {
      expect(refreshWith(certificateKey({ ...leaf, issuer: ca }))).toBe('accepted');
      expect(refreshWith(certificateKey({ ...leaf, issuer: intermediate }, [intermediate.pem]))).toBe(
        'accepted',
      );
    });

    it('refuses any other', () => {
      const namesake = makeCertificate({ key: 'x', commonName: 'Acme CA', notBefore: START, isCa: true });
      const noCa = makeCertificate({ key: 'y', commonName: 'Leaf', notBefore: START, issuer: ca });
      expect(refreshWith(certificateKey(leaf))).toBe('ANCHOR');
      expect(refreshWith(certificateKey({ ...leaf, issuer: namesake }))).toBe('ANCHOR');
      expect(refreshWith(certificateKey({ ...leaf, issuer: namesake }, [namesake.pem]))).toBe('ANCHOR');
      expect(refreshWith(certificateKey({ ...leaf, issuer: intermediate }))).toBe('ANCHOR');
      expect(refreshWith(certificateKey({ ...leaf, issuer: noCa }))).toBe('ANCHOR');
    });

    it('refuses a chain through a certificate that ran out', () => {
      const now = START + 200 * DAY;
      const late = certificateKey({ ...leaf, issuer: intermediate }, [intermediate.pem]);
      expect(refreshWith(late, anchor, now)).toBe('ANCHOR');
    });

    it('refuses a chain of roots that leads away from it', () => {
      const server = new NotarySimulator({ rootKeys: [certificateKey({ ...leaf, issuer: ca })] });
      server.setRole('root', [server.rootKey('thief')]);
      server.next('root');
      server.publish();
      expect(codeOf(() => clientOf(server, { anchor }).refresh())).toBe('ANCHOR');
    });

    it('refuses a pin that is no authority', () => {
      const key = certificateKey({ ...leaf, issuer: ca });
      const { pem } = makeCertificate({ ...leaf, issuer: ca });
      expect(refreshWith(key, { kind: 'authority', caPem: pem })).toBe('ANCHOR');
      expect(refreshWith(key, { kind: 'authority', caPem: 'nonsense' })).toBe('ANCHOR');
    });
  });
});
