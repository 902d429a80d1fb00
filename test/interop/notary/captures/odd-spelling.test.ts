/** What the recorded server stored and real clients then could not read, stored here as sent and read by the real `notary`. */
import { isJsonObject } from '@vidimus/canonical-json';
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
import { createNotaryCli, type NotaryCli } from '../../../support/notary-clients/notary-cli.ts';
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

it('the real notary takes Targets for targets, which is why a file with both is refused', async () => {
  const service = created(seal(targetsOf({ expires }), targetsKey));
  const { targets: other } = targetsOf({ targets: ['hidden'] });
  const targets = seal(
    { ...targetsOf({ expires, targets: ['seen'] }), ['targetſ']: other ?? null },
    targetsKey,
  );
  const files = { root: service.stored.get('root') ?? targets, targets };
  const snapshot = seal(snapshotOf(2, files), snapshotKey);
  const timestamp = seal(timestampOf(2, snapshot), timestampKey);
  const stored = new Map(Object.entries({ ...files, snapshot, timestamp }));
  expect(await listed({ ...service, stored })).toEqual(['hidden targets', 'seen targets']);
});
