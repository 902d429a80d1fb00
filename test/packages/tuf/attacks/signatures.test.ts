/** Attacks on the counting of signatures: duplicates, one key under two names, thresholds that check nothing. */
import { toHex } from '@vidimus/crypto';
import { tufDialect } from '@vidimus/tuf';
import { beforeEach, describe, expect, it } from 'vitest';
import { codeOf, TufClient } from '../../../support/tuf-client.ts';
import { ed25519Key, p256Key, type TestKey } from '../../../support/tuf-keys.ts';
import {
  type FileMap,
  item,
  type Json,
  map,
  sealWith,
  TufSimulator,
} from '../../../support/tuf-simulator.ts';

const one = ed25519Key('one');
const two = ed25519Key('two');
const three = ed25519Key('three');

let server: TufSimulator;
let client: TufClient;
const refresh = (): string => codeOf(() => client.refresh());

beforeEach(() => {
  server = new TufSimulator();
  client = new TufClient(server);
});

/** Repeats the first signature. */
const repeat = (file: FileMap): void => {
  file.signatures.push(...Array.from({ length: 8 }, () => ({ ...item(file, 'signatures', 0) })));
};

/** Gives `signer` a second entry in a `keys` map: same public key, another id. */
function alias(keys: Record<string, Json>, key: TestKey): TestKey {
  const twin = ed25519Key(key === one ? 'one' : 'two', { 'x-alias': 'yes' });
  keys[twin.keyId] = JSON.parse(JSON.stringify(twin.declared));
  return twin;
}

describe('T1: one key signs many times', () => {
  it('T1 refuses identical signatures that add up to the threshold', () => {
    server.setRole('targets', [one, two], 2);
    server.signers.set('targets', [one]);
    server.next('root');
    server.next('targets', repeat);
    server.publish();
    expect(refresh()).toBe('MALFORMED');
  });

  it('T1 refuses different signatures by one key id', () => {
    server.setRole('targets', [one, two], 2);
    server.signers.set('targets', [one]);
    server.next('root');
    server.next('targets', (file) => file.signatures.push({ keyid: one.keyId, sig: 'ab' }));
    server.publish();
    expect(refresh()).toBe('MALFORMED');
  });

  it('T1 refuses a role that names one key twice', () => {
    server.setRole('snapshot', [one, one], 2);
    server.next('root');
    server.publish();
    expect(refresh()).toBe('MALFORMED');
    expect(client.cached('snapshot')).toBeUndefined();
  });

  it('refuses a duplicate signature even where the threshold is met without it', () => {
    server.next('targets', repeat);
    server.publish();
    expect(refresh()).toBe('MALFORMED');
  });

  it('accepts when different keys signed', () => {
    server.setRole('targets', [one, two, three], 2);
    server.signers.set('targets', [one, three]);
    server.next('root');
    server.publishAll();
    expect(client.refresh().targets).toMatchObject({ keyIds: [one.keyId, three.keyId], threshold: 2 });
  });
});

describe('T2: the new root checks itself', () => {
  const rotate = (signers: readonly TestKey[], spoil?: (file: FileMap) => void): void => {
    server.setRole('root', [one, two], 2);
    server.signers.set('root', signers);
    server.next('root', spoil);
  };

  it('T2 refuses a new root whose one new key signed twice', () => {
    rotate([one], (file) => {
      file.signatures.push({ ...item(file, 'signatures', 0) });
    });
    expect(refresh()).toBe('MALFORMED');
  });

  it('T2 refuses a new root below its own threshold', () => {
    rotate([one]);
    expect(refresh()).toBe('THRESHOLD');
    expect(client.cached('root')).toBeUndefined();
  });

  it('refuses a new root that the old keys did not sign', () => {
    const former = client.anchor;
    rotate([one, two]);
    server.files.set('2.root.json', sealWith(server.document('root'), [one, two]));
    expect(former.kind).toBe('root');
    expect(refresh()).toBe('THRESHOLD');
  });

  it('accepts a new root that both quorums signed', () => {
    rotate([one, two]);
    expect(client.refresh().root.document.version).toBe(2);
    expect(client.cached('2.root')).toBe(2);
  });
});

describe('T3: the same for delegated roles', () => {
  it('T3 refuses a delegated role that one key signed twice', () => {
    server.delegate('targets', 'qa', { keys: [one, two], threshold: 2 });
    server.signers.set('qa', [one]);
    server.target('qa', 'v1', 'x');
    server.next('targets');
    server.next('qa', repeat);
    server.publish();
    expect(codeOf(() => client.lookUp('v1'))).toBe('MALFORMED');
  });

  it('T3 refuses a delegated role below its threshold', () => {
    server.delegate('targets', 'qa', { keys: [one, two], threshold: 2 });
    server.signers.set('qa', [one]);
    server.target('qa', 'v1', 'x');
    server.publishAll();
    expect(codeOf(() => client.lookUp('v1'))).toBe('THRESHOLD');
    expect(client.cached('qa')).toBeUndefined();
  });

  it('T3 refuses a delegated role whose one key has two ids', () => {
    server.delegate('targets', 'qa', { keys: [one, ed25519Key('one', { 'x-alias': 'yes' })], threshold: 2 });
    server.target('qa', 'v1', 'x');
    server.publishAll();
    expect(codeOf(() => client.lookUp('v1'))).toBe('THRESHOLD');
  });

  it('T3 refuses a bin that one key signed twice', () => {
    server.bins('targets', 'bin', 1, [one, two], 2);
    for (const role of ['bin-0', 'bin-1']) {
      server.signers.set(role, [one]);
      server.next(role, repeat);
    }
    server.next('targets');
    server.publish();
    expect(codeOf(() => client.lookUp('v1'))).toBe('MALFORMED');
  });

  it('T3 refuses a bin below its threshold', () => {
    server.bins('targets', 'bin', 1, [one, two], 2);
    for (const role of ['bin-0', 'bin-1']) server.signers.set(role, [one]);
    server.publishAll();
    expect(codeOf(() => client.lookUp('v1'))).toBe('THRESHOLD');
  });
});

describe('T4: one key under several ids', () => {
  it('T4 refuses two ids of one key as a quorum of two', () => {
    const twin = alias(map(server.document('root'), 'keys'), one);
    server.setRole('targets', [one, twin], 2);
    server.next('root');
    server.publishAll();
    expect(refresh()).toBe('THRESHOLD');
  });

  it.each(['legacy PEM', 'legacy point'] as const)('T4 refuses one key as PEM and as %s', (spelling) => {
    server.setRole('targets', [p256Key('p'), p256Key('p', spelling)], 2);
    server.next('root');
    server.publishAll();
    expect(refresh()).toBe('THRESHOLD');
  });
});

describe('T5: a key id that is not the hash of its key', () => {
  /** Lists `key` under an id of its own choosing. */
  const misname = (key: TestKey): TestKey => {
    const keyId = 'f'.repeat(64);
    map(server.document('root'), 'keys')[keyId] = JSON.parse(JSON.stringify(key.declared));
    return { ...key, keyId };
  };

  it('T5 refuses what only such a key signed', () => {
    const wrong = misname(one);
    server.setRole('targets', [two]);
    map(server.document('root'), 'roles')['targets'] = { keyids: [wrong.keyId], threshold: 1 };
    server.signers.set('targets', [wrong]);
    server.next('root');
    server.publishAll();
    expect(refresh()).toBe('THRESHOLD');
  });

  it('T5 accepts the file when enough other keys signed', () => {
    const wrong = misname(one);
    server.setRole('targets', [two, three], 2);
    map(server.document('root'), 'roles')['targets'] = {
      keyids: [wrong.keyId, two.keyId, three.keyId],
      threshold: 2,
    };
    server.signers.set('targets', [wrong, two, three]);
    server.next('root');
    server.publishAll();
    expect(client.refresh().targets.keyIds).toEqual([two.keyId, three.keyId]);
  });
});

describe('T6: thresholds that disable the check', () => {
  const bad: readonly Json[] = [0, -1, '1', null, true];
  const roles = ['root', 'timestamp', 'snapshot', 'targets'];

  it.each(bad.flatMap((threshold) => roles.map((role) => [threshold, role] as const)))(
    'T6 refuses threshold %j of %s',
    (threshold, role) => {
      map(server.document('root'), 'roles', role)['threshold'] = threshold;
      server.next('root');
      expect(refresh()).toBe('MALFORMED');
    },
  );

  it.each(['1.5', '9007199254740993', '1e0'])('T6 refuses threshold %s', (text) => {
    server.next('root');
    const bytes = new TextDecoder()
      .decode(server.bytes('root'))
      .replaceAll('"threshold":1', `"threshold":${text}`);
    server.files.set('2.root.json', new TextEncoder().encode(bytes));
    expect(refresh()).toBe('MALFORMED');
  });

  it.each(bad)('T6 refuses threshold %j of a delegation', (threshold) => {
    server.delegate('targets', 'qa');
    item(map(server.document('targets'), 'delegations'), 'roles', 0)['threshold'] = threshold;
    server.publishAll();
    expect(refresh()).toBe('MALFORMED');
  });

  it.each(bad)('T6 refuses threshold %j of bins', (threshold) => {
    server.bins('targets', 'bin', 1, [one]);
    map(server.document('targets'), 'delegations', 'succinct_roles')['threshold'] = threshold;
    server.publishAll();
    expect(refresh()).toBe('MALFORMED');
  });
});

describe('T7: the algorithm belongs to the key', () => {
  it.each([
    ['an ECDSA key tagged ed25519', { keytype: 'ed25519', scheme: 'ed25519' }],
    ['an ECDSA key tagged RSA', { keytype: 'rsa', scheme: 'rsassa-pss-sha256' }],
    ['a scheme of another key type', { keytype: 'ecdsa', scheme: 'ed25519' }],
    ['an unknown scheme', { keytype: 'ecdsa', scheme: 'none' }],
  ])('T7 refuses signatures by %s', (_what, tags) => {
    const honest = p256Key('p');
    const declared = { ...honest.declared, ...tags };
    const key = { ...honest, declared, keyId: tufDialect.toKey(declared).keyId };
    server.setRole('targets', [key]);
    server.next('root');
    server.publishAll();
    expect(refresh()).toBe('THRESHOLD');
  });

  it('T7 takes no algorithm from a signature', () => {
    server.setRole('targets', [p256Key('p')]);
    server.next('root');
    const message = ed25519Key('thief').sign(new Uint8Array());
    server.next('targets', (file) => {
      file.signatures = [
        {
          keyid: p256Key('p').keyId,
          sig: toHex(message),
          method: 'ed25519',
          scheme: 'ed25519',
          keytype: 'ed25519',
        },
      ];
    });
    server.publish();
    expect(refresh()).toBe('THRESHOLD');
  });

  it.each(['ecdsa PEM', 'legacy PEM', 'legacy point'] as const)(
    'accepts a P-256 key spelled as %s',
    (spelling) => {
      server.setRole('targets', [p256Key('p', spelling)]);
      server.next('root');
      server.publishAll();
      expect(refresh()).toBe('accepted');
    },
  );
});

describe('signatures that do not verify', () => {
  it.each(['', 'zz', 'ABCD', '00', 'f'.repeat(128)])(
    'tolerates signature %j beside enough good ones',
    (sig) => {
      server.setRole('targets', [one, two]);
      server.signers.set('targets', [one]);
      server.next('root');
      server.next('targets', (file) => file.signatures.unshift({ keyid: two.keyId, sig }));
      server.publish();
      expect(client.refresh().targets.keyIds).toEqual([one.keyId]);
    },
  );

  it.each(['', 'zz', 'f'.repeat(128)])('refuses signature %j alone', (sig) => {
    server.next('targets', (file) => {
      file.signatures = file.signatures.map((entry) => ({ ...entry, sig }));
    });
    server.publish();
    expect(refresh()).toBe('THRESHOLD');
  });

  it('refuses a good signature over another document', () => {
    const old = tufDialect.open(server.bytes('targets'), 1e6).signatures[0];
    server.next('targets', (file) => {
      file.signatures = [{ keyid: old?.keyId ?? '', sig: toHex(old?.value ?? new Uint8Array()) }];
    });
    server.publish();
    expect(refresh()).toBe('THRESHOLD');
  });
});

describe('T25: a threshold that its role cannot reach', () => {
  it('T25 accepts such a root, and refuses the role it locks', () => {
    map(server.document('root'), 'roles', 'snapshot')['threshold'] = 6;
    server.next('root');
    expect(refresh()).toBe('THRESHOLD');
    expect(client.cached('root')).toBe(2);
    expect(client.cached('timestamp')).toBe(1);
    expect(client.cached('snapshot')).toBeUndefined();
  });
});
