/** What the recorded server stored and real clients then could not read, stored here as sent and read by the real `notary`. */
import { constants, createPublicKey, sign } from 'node:crypto';
import { encodeCanonical, isJsonObject, type JsonObject } from '@vidimus/canonical-json';
import { sha256Hex, toBase64 } from '@vidimus/crypto';
import { NotaryError } from '@vidimus/notary';
import { beforeAll, describe, expect, it } from 'vitest';
import {
  type PretendService,
  pretendService,
  snapshotKey,
  timestampKey,
} from '../../../packages/notary/update/pretend-service.ts';
import { spellingsOf } from '../../../packages/notary/update/spellings.ts';
import {
  certifiedKey,
  DAY,
  edKey,
  REPOSITORY,
  type RootSpec,
  rootOf,
  seal,
  sealText,
  snapshotOf,
  targetsOf,
  timestampOf,
  type WireKey,
} from '../../../packages/notary/update/wire-client.ts';
import { p256PrivateKey } from '../../../support/notary-certificates.ts';
import { createNotaryCli, type NotaryCli } from '../../../support/notary-clients/notary-cli.ts';
import { rsaPrivateKey } from '../../../support/notary-keys.ts';
import { servePretended } from './pretend-server.ts';

const now = Date.now();
const expires = new Date(now + 400 * DAY).toISOString();
const targetsKey = edKey('targets');
let rootKey: WireKey;
let root: RootSpec;
let ca: string;

beforeAll(async () => {
  rootKey = await certifiedKey('root', REPOSITORY, now + 3_650 * DAY, now - DAY);
  const { keyval } = rootKey.object;
  // The client wants an authority to read, also where it speaks plain HTTP.
  ca = Buffer.from(isJsonObject(keyval) ? String(keyval['public']) : '', 'base64').toString();
  const single = (key: WireKey) => ({ keys: [key] });
  root = {
    expires,
    root: single(rootKey),
    targets: single(targetsKey),
    snapshot: single(snapshotKey),
    timestamp: single(timestampKey),
  };
});

/** What a client without a cache lists. */
async function listed(
  service: PretendService,
  use?: (notary: NotaryCli) => Promise<void>,
): Promise<readonly string[]> {
  const server = await servePretended(service);
  const notary = createNotaryCli({ server: server.url, ca });
  try {
    await use?.(notary);
    return (await notary.list(REPOSITORY)).map(({ target, role }) => `${target} ${role}`);
  } finally {
    notary.close();
    await server.close();
  }
}

function created(targets: Uint8Array): PretendService {
  const service = pretendService();
  service.publish({ root: seal(rootOf(root), rootKey), targets }, { nowMs: now });
  return service;
}

const names = Object.keys(spellingsOf(targetsOf({}), targetsKey));

describe('the real notary lists targets that are', () => {
  it.each(names)('%s', async (name) => {
    const spellings = spellingsOf(targetsOf({ expires, targets: ['a<b>&c'] }), targetsKey);
    const service = created(Buffer.from(spellings[name] ?? ''));
    expect(await listed(service)).toEqual(['a<b>&c targets']);
  });

  it('under a root that is pretty-printed', async () => {
    const service = pretendService();
    const text = JSON.stringify(JSON.parse(sealText(rootOf(root), rootKey)), undefined, 2);
    const targets = seal(targetsOf({ expires, targets: ['v1'] }), targetsKey);
    service.publish({ root: Buffer.from(text), targets }, { nowMs: now });
    expect(await listed(service)).toEqual(['v1 targets']);
  });
});

/** What the service would hold if it had taken these files, which it does not. */
function takenAnyway(root: Uint8Array, targets: Uint8Array): PretendService {
  const snapshot = seal(snapshotOf(2, { root, targets }), snapshotKey);
  const timestamp = seal(timestampOf(2, snapshot), timestampKey);
  return { ...pretendService(), stored: new Map(Object.entries({ root, targets, snapshot, timestamp })) };
}

it('the real notary takes Targets for targets, which is why a file with both is refused', async () => {
  const { targets: other } = targetsOf({ targets: ['hidden'] });
  const signed = { ...targetsOf({ expires, targets: ['seen'] }), ['targetſ']: other ?? null };
  const files = { root: seal(rootOf(root), rootKey), targets: seal(signed, targetsKey) };
  expect(() => pretendService().judge(files, { nowMs: now })).toThrow('would be taken for targets');
  expect(await listed(takenAnyway(files.root, files.targets))).toEqual(['hidden targets', 'seen targets']);
});

describe('the real notary cannot read, which is why it is refused,', () => {
  const signed = () => targetsOf({ expires, targets: ['v1'] });
  const fifthRole = (): JsonObject => {
    const { roles, ...document } = rootOf(root);
    if (!isJsonObject(roles)) throw new Error('a root without roles');
    return { ...document, roles: { ...roles, mirrors: 5 } };
  };
  const byKey = (key: WireKey) => ({
    root: seal(rootOf({ ...root, targets: { keys: [key] } }), rootKey),
    targets: seal(signed(), key),
  });

  it.each<[string, () => { readonly root: Uint8Array; readonly targets: Uint8Array }]>([
    ['a PSS signature without salt', () => byKey(rsaKey('rsapss', { ...PSS, saltLength: 0 }))],
    ['a PSS signature that says PKCS#1', () => byKey(rsaKey('rsapkcs1v15', { ...PSS, saltLength: 32 }))],
    ['a PKCS#1 signature that says PSS', () => byKey(rsaKey('rsapss', {}))],
    ['a key with a compressed point', () => byKey(compressedKey())],
    [
      'a root with a further role that is none',
      () => ({ root: seal(fifthRole(), rootKey), targets: seal(signed(), targetsKey) }),
    ],
  ])('%s', async (_name, filesOf) => {
    const { root: rootBytes, targets } = filesOf();
    expect(() => pretendService().judge({ root: rootBytes, targets }, { nowMs: now })).toThrow(NotaryError);
    await expect(listed(takenAnyway(rootBytes, targets))).rejects.toThrow('fatal');
  });

  it('while it reads what both kinds of RSA signature should be', async () => {
    for (const key of [rsaKey('rsapss', { ...PSS, saltLength: 32 }), rsaKey('rsapkcs1v15', {})]) {
      const service = pretendService();
      service.publish(byKey(key), { nowMs: now });
      expect(await listed(service)).toEqual(['v1 targets']);
    }
  });
});

const PSS = { padding: constants.RSA_PKCS1_PSS_PADDING };

function rsaKey(
  method: string,
  options: { readonly padding?: number; readonly saltLength?: number },
): WireKey {
  const key = rsaPrivateKey();
  const spki = createPublicKey(key).export({ format: 'der', type: 'spki' });
  return wireKey('rsa', spki, method, (message) => sign('sha256', message, { key, ...options }));
}

/** SEC 1 2.3.3: x, and whether y is odd. */
function compressedKey(): WireKey {
  const key = p256PrivateKey('compressed');
  const spki = createPublicKey(key).export({ format: 'der', type: 'spki' });
  const point = Buffer.concat([Buffer.from([2 + ((spki.at(-1) ?? 0) & 1)]), spki.subarray(27, 59)]);
  const algorithm = spki.subarray(2, 23);
  const short = Buffer.concat([Buffer.from([0x30, 0x39]), algorithm, Buffer.from([0x03, 0x22, 0x00]), point]);
  return wireKey('ecdsa', short, 'ecdsa', (message) =>
    sign('sha256', message, { key, dsaEncoding: 'ieee-p1363' }),
  );
}

function wireKey(
  keytype: string,
  bytes: Uint8Array,
  method: string,
  signRaw: (message: Uint8Array) => Uint8Array,
): WireKey {
  const object = { keytype, keyval: { private: null, public: toBase64(bytes) } };
  const keyId = sha256Hex(encodeCanonical(object));
  return { keyId, object, method, sign: (message) => new Uint8Array(signRaw(message)) };
}
