/** An upload to a good repository, one thing spoilt by name, one refusal expected. */
import { isJsonObject, type JsonObject, parseJson } from '@vidimus/canonical-json';
import { NotaryError, notaryDialect, type RefusalKind, type UpdateInput } from '@vidimus/notary';
import type { TufDocument } from '@vidimus/tuf';
import { describe, expect, it } from 'vitest';
import {
  type Files,
  type PretendService,
  pretendService,
  snapshotKey,
  storedFile,
  timestampKey,
} from './pretend-service.ts';
import { omit, spellingsOf } from './spellings.ts';
import {
  canonical,
  certifiedKey,
  DAY,
  type DelegationSpec,
  edKey,
  fileMeta,
  NOW,
  type RootSpec,
  rootOf,
  seal,
  sealText,
  snapshotOf,
  type TargetsSpec,
  targetsOf,
  type WireKey,
} from './wire-client.ts';

const rootKey = await certifiedKey('root');
const rootKey2 = await certifiedKey('second root');
const targetsKey = edKey('targets');
const carol = edKey('carol');
const dave = edKey('dave');

const roles: RootSpec = {
  root: { keys: [rootKey] },
  targets: { keys: [targetsKey] },
  snapshot: { keys: [snapshotKey] },
  timestamp: { keys: [timestampKey] },
};
/** The same with a snapshot that the client signs. */
const ownSnapshot = edKey('client snapshot');
const ownRoles: RootSpec = { ...roles, snapshot: { keys: [ownSnapshot] } };

const carols: DelegationSpec = { name: 'targets/carol', keys: [carol], paths: ['carol-'] };
const releases: DelegationSpec = { name: 'targets/releases', keys: [carol, dave] };
const nightly: DelegationSpec = { name: 'targets/releases/nightly', keys: [dave], paths: ['n'] };

const root = (change: Partial<RootSpec> = {}, ...keys: WireKey[]): Uint8Array =>
  seal(rootOf({ ...roles, ...change }), ...(keys.length === 0 ? [rootKey] : keys));
const targets = (spec: TargetsSpec, key: WireKey = targetsKey): Uint8Array => seal(targetsOf(spec), key);
const text = (value: string): Uint8Array => Buffer.from(value);

/** Stored: root 1, targets 2 with delegations, targets/carol 1, targets/releases 1; all online keys are the service's. */
function repository(): PretendService {
  const service = pretendService();
  service.publish({ root: root(), targets: targets({ version: 1 }) });
  service.publish({ targets: targets({ version: 2, targets: ['v1'], delegations: [carols, releases] }) });
  service.publish({
    'targets/carol': targets({ targets: ['carol-1'] }, carol),
    'targets/releases': targets({ targets: ['v1'], delegations: [nightly] }, carol),
  });
  return service;
}

/** Stored: root 1, targets 2, targets/carol 1, snapshot 2; the client signs the snapshot. */
function ownRepository(): PretendService {
  const service = pretendService();
  const first = {
    root: root(ownRoles),
    targets: targets({ version: 2, delegations: [carols] }),
    'targets/carol': targets({ targets: ['carol-1'] }, carol),
  };
  service.publish({ ...first, snapshot: seal(snapshotOf(2, first), ownSnapshot) });
  return service;
}

/** The next targets of either repository. */
const nextTargets: TargetsSpec = { version: 3, targets: ['v1', 'v2'], delegations: [carols, releases] };
const nextOwn = targets({ version: 3, delegations: [carols] });
const ownFiles = (service: PretendService, change: Files = {}): Files => ({
  root: storedFile(service, 'root'),
  targets: storedFile(service, 'targets'),
  'targets/carol': storedFile(service, 'targets/carol'),
  ...change,
});

function metaOf(document: JsonObject, role: string): unknown {
  const meta = document['meta'];
  return isJsonObject(meta) ? meta[role] : undefined;
}

function refusalOf(judge: () => unknown): NotaryError {
  try {
    judge();
  } catch (error) {
    if (error instanceof NotaryError) return error;
    throw error;
  }
  throw new Error('accepted');
}

describe('an upload that creates a repository', () => {
  const files = { root: root(), targets: targets({ version: 2, targets: ['v1'] }) };

  it('leaves snapshot and timestamp to the service, which list the bytes that were sent', () => {
    const valid = pretendService().judge(files);
    expect(valid.accepted.map(({ role, version }) => [role, version])).toEqual([
      ['root', 1],
      ['targets', 2],
    ]);
    expect(valid.accepted[1]?.bytes).toBe(files.targets);
    expect(valid.snapshot?.version).toBe(1);
    expect(valid.snapshot?.expires).toBe(NOW + 1_095 * DAY);
    const service = pretendService();
    service.publish(files);
    const snapshot = signedOf(storedFile(service, 'snapshot'));
    expect(metaOf(snapshot, 'root')).toEqual(plain(fileMeta(files.root)));
    expect(metaOf(snapshot, 'targets')).toEqual(plain(fileMeta(files.targets)));
    const timestamp = signedOf(storedFile(service, 'timestamp'));
    expect(timestamp['version']).toBe(1);
    expect(metaOf(timestamp, 'snapshot')).toEqual(plain(fileMeta(storedFile(service, 'snapshot'))));
  });

  it('takes the snapshot of a client that keeps its key', () => {
    const own = { ...files, root: root(ownRoles) };
    const valid = pretendService().judge({ ...own, snapshot: seal(snapshotOf(2, own), ownSnapshot) });
    expect(valid.accepted.map(({ role }) => role)).toEqual(['root', 'targets', 'snapshot']);
    expect(valid.snapshot).toBeUndefined();
  });

  it.each([1, 2])('may begin with root %i', (version) => {
    const accepted = pretendService().judge({ ...files, root: root({ version }) }).accepted;
    expect(accepted[0]?.version).toBe(version);
  });

  it('ignores a timestamp, even one that is no JSON, and strips nothing else', () => {
    const valid = pretendService().judge({ ...files, timestamp: text('{') });
    expect(valid.accepted.map(({ role }) => role)).toEqual(['root', 'targets']);
  });
});

describe('an upload to a repository', () => {
  it('moves each version by one, and hands back targets as clients will read them', () => {
    const service = repository();
    const valid = service.judge({ targets: targets(nextTargets) });
    expect(valid.accepted.map(({ role, version }) => [role, version])).toEqual([['targets', 3]]);
    expect(valid.snapshot?.version).toBe(4);
    expect([...valid.documents.keys()]).toEqual(['targets', 'carol', 'releases']);
    expect([...(valid.documents.get('targets')?.targets.keys() ?? [])]).toEqual(['v1', 'v2']);
    expect(valid.root.version).toBe(1);
    expect(valid.dropped).toEqual([]);
  });

  it('takes delegated roles of any depth together, parents first', () => {
    const valid = repository().judge({
      'targets/releases/nightly': targets({ targets: ['n1'] }, dave),
      'targets/releases': targets({ version: 2, delegations: [nightly] }, dave),
      targets: targets(nextTargets),
    });
    expect(valid.accepted.map(({ role }) => role)).toEqual(['targets', 'releases', 'releases/nightly']);
  });

  it('without files changes nothing', () => {
    const service = repository();
    for (const files of [{}, { timestamp: text('ignored') }]) {
      const valid = service.judge(files);
      expect(valid.accepted).toEqual([]);
      expect(valid.snapshot).toBeUndefined();
    }
  });

  it('without files has no targets read, which can be large', () => {
    const service = repository();
    const stored = new Map([...service.stored, ['targets', text('never looked at')]]);
    expect(service.judge({}, { stored }).documents.size).toBe(0);
  });

  it('is judged alike when the caller still knows what stored files say, which are not decoded again', () => {
    const service = repository();
    const files = { targets: targets({ version: 3, delegations: [carols] }) };
    const decode = (kind: 'root' | 'targets' | 'snapshot' | 'timestamp'): TufDocument => {
      const bytes = storedFile(service, kind);
      return notaryDialect.decode(kind, notaryDialect.open(bytes, bytes.length));
    };
    const documents = new Map([
      ['root', decode('root')],
      ['targets', decode('targets')],
      ['snapshot', decode('snapshot')],
      ['timestamp', decode('timestamp')],
    ]);
    const unread = Array.from(documents.keys(), (role): [string, Uint8Array] => [role, text('not decoded')]);
    const stored = new Map([...service.stored, ...unread]);
    const [known, decoded] = [service.judge(files, { stored, documents }), service.judge(files)];
    expect(known.accepted.map(({ role, sha256 }) => [role, sha256])).toEqual(
      decoded.accepted.map(({ role, sha256 }) => [role, sha256]),
    );
    expect(known.snapshot).toEqual(decoded.snapshot);
    expect([known.root.version, [...known.documents.keys()], known.dropped]).toEqual([
      decoded.root.version,
      [...decoded.documents.keys()],
      decoded.dropped,
    ]);
    expect(() => service.judge({ targets: targets({ version: 2 }) }, { documents })).toThrow(
      expect.objectContaining({ code: 'VERSION' }),
    );
  });

  it('follows a rotation of every top-level key', () => {
    const service = repository();
    const next: RootSpec = {
      version: 2,
      root: { keys: [rootKey2] },
      targets: { keys: [carol] },
      snapshot: { keys: [snapshotKey] },
      timestamp: { keys: [timestampKey] },
    };
    const valid = service.judge({
      root: root(next, rootKey, rootKey2),
      targets: targets(nextTargets, carol),
    });
    expect(valid.accepted.map(({ role }) => role)).toEqual(['root', 'targets']);
  });

  it('counts a threshold of two', () => {
    const both = { keys: [rootKey, rootKey2], threshold: 2 };
    const service = pretendService();
    const first = { root: root({ root: both }, rootKey, rootKey2), targets: targets({}) };
    service.publish(first);
    const next = rootOf({ ...roles, root: both, version: 2 });
    expect(service.judge({ root: seal(next, rootKey, rootKey2) }).accepted).toHaveLength(1);
    expect(refusalOf(() => service.judge({ root: seal(next, rootKey) })).kind).toBe('ErrBadRoot');
    expect(
      refusalOf(() => pretendService().judge({ ...first, root: root({ root: both }, rootKey) })).kind,
    ).toBe('ErrBadRoot');
  });

  it('drops a removed delegation from the snapshot, and brings it back with the file it had', () => {
    const service = repository();
    const without = service.publish({ targets: targets({ version: 3, delegations: [releases] }) });
    expect(without.dropped).toEqual(['carol']);
    expect([...without.documents.keys()]).toEqual(['targets', 'releases']);
    expect(metaOf(signedOf(storedFile(service, 'snapshot')), 'targets/carol')).toBeUndefined();
    expect(metaOf(signedOf(storedFile(service, 'snapshot')), 'targets/releases')).toBeDefined();

    const again = service.publish({ targets: targets({ version: 4, delegations: [carols, releases] }) });
    expect(again.dropped).toEqual([]);
    expect(metaOf(signedOf(storedFile(service, 'snapshot')), 'targets/carol')).toEqual(
      plain(fileMeta(storedFile(service, 'targets/carol'))),
    );
    expect(refusalOf(() => service.judge({ 'targets/carol': targets({}, carol) })).code).toBe('VERSION');
    expect(service.judge({ 'targets/carol': targets({ version: 2 }, carol) }).accepted).toHaveLength(1);
  });

  it('drops what was delegated below a removed delegation, too', () => {
    const service = repository();
    service.publish({ 'targets/releases/nightly': targets({ targets: ['n1'] }, dave) });
    const valid = service.judge({ targets: targets({ version: 3, delegations: [carols] }) });
    expect(valid.dropped).toEqual(['releases', 'releases/nightly']);
  });

  it('leaves a role without keys, as `notary delegation purge` does, and out of what clients read', () => {
    const purged = targetsOf({ ...nextTargets, delegations: [{ ...carols, keys: [] }, releases] });
    const signed = JSON.parse(canonical(purged).replace('"keyids":[]', '"keyids":null'));
    const valid = repository().judge({ targets: seal(signed, targetsKey) });
    expect([...valid.documents.keys()]).toEqual(['targets', 'releases']);
    expect(valid.dropped).toEqual([]);
  });

  it('does not show the targets of a role whose keys were replaced, or whose file is expired', () => {
    const replaced = { ...carols, keys: [dave] };
    const valid = repository().judge({ targets: targets({ ...nextTargets, delegations: [replaced] }) });
    expect([...valid.documents.keys()]).toEqual(['targets']);
    const service = repository();
    service.publish({ 'targets/carol': targets({ version: 2, expires: '2026-11-22T00:00:00Z' }, carol) });
    const later = service.judge({ targets: targets(nextTargets) }, { nowMs: NOW + DAY });
    expect([...later.documents.keys()]).toEqual(['targets', 'releases']);
  });

  it('lets a role keep what it listed before its paths were narrowed, unchanged', () => {
    const service = repository();
    service.publish({
      targets: targets({ version: 3, delegations: [{ ...carols, paths: ['carol-2'] }, releases] }),
    });
    const kept = service.judge({
      'targets/carol': targets({ version: 2, targets: ['carol-1', 'carol-2'] }, carol),
    });
    expect(kept.accepted).toHaveLength(1);
    const changed = targetsOf({ version: 2, targets: ['carol-1'] });
    const signed = { ...changed, targets: { 'carol-1': fileMeta(text('other bytes')) } };
    expect(refusalOf(() => service.judge({ 'targets/carol': seal(signed, carol) })).message).toContain(
      'targets/carol may not list carol-1',
    );
  });

  it('takes a snapshot of the client that lists every file', () => {
    const service = ownRepository();
    const files = ownFiles(service, { targets: nextOwn });
    const valid = service.judge({ targets: nextOwn, snapshot: seal(snapshotOf(3, files), ownSnapshot) });
    expect(valid.accepted.map(({ role }) => role)).toEqual(['targets', 'snapshot']);
    expect(
      service.judge({ snapshot: seal(snapshotOf(3, ownFiles(service)), ownSnapshot) }).accepted,
    ).toHaveLength(1);
  });

  it("lets a client's snapshot go on naming roles that are no longer delegated", () => {
    const service = ownRepository();
    const without = targets({ version: 3 });
    const files = ownFiles(service, { targets: without });
    const valid = service.judge({ targets: without, snapshot: seal(snapshotOf(3, files), ownSnapshot) });
    expect(valid.dropped).toEqual(['carol']);
  });

  it('hands the snapshot over to the service and back', () => {
    const service = ownRepository();
    service.publish({ root: root({ version: 2 }) });
    expect(signedOf(storedFile(service, 'snapshot'))['version']).toBe(3);
    const taken = root({ ...ownRoles, version: 3 });
    const files = ownFiles(service, { root: taken });
    expect(
      service.judge({ root: taken, snapshot: seal(snapshotOf(4, files), ownSnapshot) }).accepted,
    ).toHaveLength(2);
  });
});

describe('spellings that clients read, because the snapshot lists the stored bytes', () => {
  const signed = targetsOf({ version: 3, targets: ['a<b>&c'] });
  const spellings = spellingsOf(signed, targetsKey);

  it.each(Object.entries(spellings))('%s', (_name, spelling) => {
    const service = repository();
    const valid = service.publish({ targets: text(spelling) });
    expect(valid.accepted[0]?.bytes).toEqual(text(spelling));
    expect(metaOf(signedOf(storedFile(service, 'snapshot')), 'targets')).toEqual(
      plain(fileMeta(text(spelling))),
    );
  });
});

interface Case {
  readonly files: Files | ((service: PretendService) => Files);
  readonly to?: () => PretendService;
  readonly with?: Partial<UpdateInput>;
  readonly code?: NotaryError['code'];
  readonly kind?: RefusalKind;
  readonly says: string;
}

const empty = (): PretendService => pretendService();
const good = { root: root(), targets: targets({ version: 2 }) };
const held = (...keys: readonly WireKey[]): Partial<UpdateInput> => ({
  heldKeyIds: new Set(keys.map(({ keyId }) => keyId)),
});
const spoiled = { ...rootKey2, sign: () => new Uint8Array(64) };
const past = '2026-11-21T08:16:44.5Z';
const wrongCn = await certifiedKey('root', 'localhost:5000/alice/other');
const shortLived = await certifiedKey('short', undefined, NOW + DAY);
const untrusted = 'could not validate the path to a trusted root: ';
const noCertificate = `${untrusted}unable to retrieve valid leaf certificates`;
const withTargets = (change: (signed: JsonObject) => JsonObject): Files => ({
  targets: seal(change(targetsOf(nextTargets)), targetsKey),
});
const replaced = (from: string, to: string): Files => ({
  targets: text(sealText(targetsOf(nextTargets), targetsKey).replace(from, to)),
});
const resigned = (from: string, to: string, spec: TargetsSpec = nextTargets): Files => ({
  targets: seal(JSON.parse(canonical(targetsOf(spec)).replace(from, to)), targetsKey),
});
const ownSnapshotOf =
  (change: (files: Files) => JsonObject, key: WireKey = ownSnapshot) =>
  (service: PretendService): Files => ({
    targets: nextOwn,
    snapshot: seal(change(ownFiles(service, { targets: nextOwn })), key),
  });
const respell =
  (role: string, change: (meta: JsonObject) => JsonObject) =>
  (files: Files): JsonObject => {
    const snapshot = snapshotOf(3, files);
    const meta = snapshot['meta'];
    const entry = isJsonObject(meta) ? meta[role] : undefined;
    if (!isJsonObject(meta) || !isJsonObject(entry)) throw new Error(`no ${role}`);
    return { ...snapshot, meta: { ...meta, [role]: change(entry) } };
  };

const refusals: Readonly<Record<string, Case>> = {
  // 1. The shape of the upload.
  'ten thousand files': {
    files: {},
    with: {
      parts: Array.from({ length: 10_000 }, (_, at) => ({ role: `targets/r${at}`, bytes: text('{}') })),
    },
    code: 'MALFORMED_UPLOAD',
    says: 'more than 1024 files in one upload',
  },
  'two files of one role': {
    files: {},
    with: { parts: [1, 2].map(() => ({ role: 'targets', bytes: targets(nextTargets) })) },
    code: 'MALFORMED_UPLOAD',
    says: 'role targets is in the upload twice',
  },
  ...Object.fromEntries(
    [
      '',
      'Root',
      'mirrors',
      'targets/',
      'targets//a',
      'targets/A',
      'targets/../root',
      'targets/a.json',
      'releases',
      'targets/root',
      `targets/${'a'.repeat(250)}`,
      'targets/a b',
      'targets/ä',
      `targets${'/a'.repeat(17)}`,
    ].map((role): [string, Case] => [
      `a file of the role "${role.slice(0, 40)}"`,
      { files: { [role]: targets({}) }, code: 'INVALID_ROLE', says: 'role' },
    ]),
  ),
  'a file that is no JSON': {
    files: { targets: text('{"signed":') },
    code: 'MALFORMED_JSON',
    says: 'not strict JSON',
  },
  'a root that is no JSON': {
    files: { root: text('hello') },
    code: 'MALFORMED_JSON',
    kind: 'ErrBadRoot',
    says: 'JSON',
  },
  'bytes that are no UTF-8': {
    files: { targets: Buffer.from([0xff]) },
    code: 'MALFORMED_JSON',
    says: 'UTF-8',
  },
  'data after the file': {
    files: { targets: Buffer.concat([targets(nextTargets), text('{}')]) },
    code: 'MALFORMED_JSON',
    says: 'data after the value',
  },
  'a member written twice': {
    files: replaced('{"signed"', '{"signed":{},"signed"'),
    code: 'MALFORMED_JSON',
    says: 'twice',
  },
  'a member that nobody signs': {
    files: replaced('{"signed"', '{"extra":1,"signed"'),
    says: 'unknown member of the file',
  },
  'a version with a fraction': {
    files: replaced('"version":3', '"version":3.0'),
    code: 'MALFORMED_JSON',
    says: 'number',
  },
  'a version that is text': {
    files: resigned('"version":3', '"version":"3"'),
    code: 'MALFORMED_JSON',
    says: 'version',
  },
  'a version of 0': {
    files: resigned('"version":3', '"version":0'),
    says: 'targets type metadata invalid: version',
  },
  'an expiry that is no date': {
    files: resigned('2029-', 'never-'),
    code: 'MALFORMED_JSON',
    says: 'expires',
  },
  'a number that is no integer': {
    files: replaced('"length":11', '"length":11.5'),
    says: 'numbers must be integers up to 2^53 - 1',
  },
  'a number beyond 2^53': {
    files: replaced('"length":11', '"length":9007199254740993'),
    says: 'numbers must be integers',
  },

  // 2. and 3. The root.
  'no root anywhere': {
    to: empty,
    files: { targets: good.targets },
    kind: 'ErrValidation',
    says: 'no pre-existing root and no root provided in update.',
  },
  'nothing at all for a repository that is not there': {
    to: empty,
    files: {},
    kind: 'ErrValidation',
    says: 'no pre-existing root and no root provided in update.',
  },
  'a first root of version 3': {
    to: empty,
    files: { ...good, root: root({ version: 3 }) },
    kind: 'ErrBadRoot',
    says: 'Root modifications must increment the version. Current 1, new 3',
  },
  'a root that skips a version': {
    files: { root: root({ version: 3 }) },
    kind: 'ErrBadRoot',
    says: 'Root modifications must increment the version. Current 1, new 3',
  },
  'the highest version there can be': {
    files: { root: root({ version: 2_147_483_647 }) },
    kind: 'ErrBadRoot',
    says: 'Current 1, new 2147483647',
  },
  'a root of version 0': { files: { root: root({ version: 0 }) }, kind: 'ErrBadRoot', says: 'version' },
  'a root that is there already': {
    files: { root: root({ version: 1, expires: '2030-01-01T00:00:00Z' }) },
    code: 'VERSION',
    kind: 'ErrValidation',
    says: 'root version 1 is already published; run publish again',
  },
  'a lost race between two rotations': {
    to: () => {
      const service = repository();
      service.publish({ root: root({ version: 2, root: { keys: [rootKey2] } }, rootKey, rootKey2) });
      return service;
    },
    files: { root: root({ version: 2 }) },
    code: 'VERSION',
    says: 'root version 2 is already published',
  },
  'a certificate for another repository': {
    to: empty,
    files: { ...good, root: root({ root: { keys: [wrongCn] } }, wrongCn) },
    kind: 'ErrBadRoot',
    says: noCertificate,
  },
  'a root key that is no certificate': {
    to: empty,
    files: { ...good, root: root({ root: { keys: [carol] } }, carol) },
    kind: 'ErrBadRoot',
    says: noCertificate,
  },
  'a rotation to a certificate for another repository': {
    files: { root: root({ version: 2, root: { keys: [wrongCn] } }, rootKey, wrongCn) },
    kind: 'ErrBadRoot',
    says: noCertificate,
  },
  'a root badly signed': {
    to: empty,
    files: { ...good, root: seal(rootOf(roles), { ...rootKey, sign: () => new Uint8Array(64) }) },
    kind: 'ErrBadRoot',
    says: `${untrusted}failed to validate integrity of roots`,
  },
  'a rotation signed by the old key only': {
    files: { root: root({ version: 2, root: { keys: [rootKey2] } }, rootKey) },
    kind: 'ErrBadRoot',
    says: 'failed to validate integrity of roots',
  },
  'a rotation signed by the new key only': {
    files: { root: root({ version: 2, root: { keys: [rootKey2] } }, rootKey2) },
    kind: 'ErrBadRoot',
    says: 'could not rotate trust to a new trusted root: failed to validate data with current trusted certificates',
  },
  'a root of strangers, whose keys are not even looked at': {
    files: { root: root({ version: 2, root: { keys: [rootKey2] } }, spoiled) },
    kind: 'ErrBadRoot',
    says: 'could not rotate trust to a new trusted root',
  },
  'a root with more keys of a role than anybody has': {
    files: { root: root({ version: 2, targets: { keys: manyKeys(129) } }) },
    kind: 'ErrBadRoot',
    says: 'roles.targets.keyids',
  },
  'a root by the key that was rotated away': {
    to: () => {
      const service = repository();
      service.publish({ root: root({ version: 2, root: { keys: [rootKey2] } }, rootKey, rootKey2) });
      return service;
    },
    files: { root: root({ version: 3 }, rootKey) },
    kind: 'ErrBadRoot',
    says: 'could not rotate trust to a new trusted root',
  },
  'a root of another type': {
    files: { root: seal({ ...rootOf({ ...roles, version: 2 }), _type: 'root' }, rootKey) },
    kind: 'ErrBadRoot',
    says: 'root type metadata invalid: expected type Root, not root',
  },
  'a root without a role': {
    files: {
      root: seal(
        { ...rootOf({ ...roles, version: 2 }), roles: omit(rolesOf(rootOf(roles)), 'snapshot') },
        rootKey,
      ),
    },
    kind: 'ErrBadRoot',
    says: 'missing snapshot role specification',
  },
  'a root with a threshold of 0': {
    files: { root: root({ version: 2, targets: { keys: [targetsKey], threshold: 0 } }) },
    kind: 'ErrBadRoot',
    says: 'root type metadata invalid: roles.targets.threshold',
  },
  'a root with more threshold than keys': {
    files: { root: root({ version: 2, snapshot: { keys: [snapshotKey], threshold: 2 } }) },
    kind: 'ErrBadRoot',
    says: 'invalid threshold specified for snapshot: 2 of 1 usable keys',
  },
  'a root that names a key it does not have': {
    files: {
      root: seal(
        {
          ...rootOf({ ...roles, version: 2 }),
          roles: { ...rolesOf(rootOf(roles)), timestamp: { keyids: ['ab'.repeat(32)], threshold: 1 } },
        },
        rootKey,
      ),
    },
    kind: 'ErrBadRoot',
    says: `key ID ${'ab'.repeat(32)} specified in timestamp without corresponding key`,
  },
  'an expired root': {
    files: { root: root({ version: 2, expires: past }) },
    kind: 'ErrBadRoot',
    says: 'root expired at Sat Nov 21 08:16:44 UTC 2026',
  },
  'a root whose certificate is expired': {
    to: empty,
    files: { ...good, root: root({ root: { keys: [shortLived] } }, shortLived) },
    with: { nowMs: NOW + 2 * DAY },
    kind: 'ErrBadRoot',
    says: 'root expired at Sun Nov 22 12:00:00 UTC 2026',
  },
  'targets under a root that expired since': {
    to: () => {
      const service = pretendService();
      service.publish({ root: root({ expires: '2026-11-22T00:00:00Z' }), targets: targets({}) });
      return service;
    },
    files: { targets: targets({ version: 2 }) },
    with: { nowMs: NOW + DAY },
    kind: 'ErrBadRoot',
    says: 'root expired at Sun Nov 22 00:00:00 UTC 2026',
  },

  // 4. Targets and delegated roles.
  'a root and nothing else, to begin with': {
    to: empty,
    files: { root: root() },
    kind: 'ErrValidation',
    says: 'targets must be loaded first',
  },
  'a root with another targets key, targets not signed anew': {
    files: { root: root({ version: 2, targets: { keys: [carol] } }) },
    kind: 'ErrBadTargets',
    says: 'targets is not signed as the new root says: publish it in the same update',
  },
  'targets signed by a stranger': {
    files: { targets: targets(nextTargets, carol) },
    kind: 'ErrBadTargets',
    says: 'valid signatures did not meet threshold for targets',
  },
  'targets without signatures': {
    files: { targets: seal(targetsOf(nextTargets)) },
    kind: 'ErrBadTargets',
    says: 'valid signatures did not meet threshold for targets',
  },
  'targets signed over other bytes than the canonical ones, with custom data': {
    files: withTargets((signed) => signed),
    with: {
      parts: [
        {
          role: 'targets',
          bytes: signedRaw(
            '{"_type":"Targets","expires":"2029-11-20T00:00:00Z","targets":{"v":{"custom":{"b":1,"a":2},"hashes":{},"length":1}},"version":3}',
          ),
        },
      ],
    },
    kind: 'ErrBadTargets',
    says: 'custom data must be canonical JSON',
  },
  'a delegated role signed by the owner of targets': {
    files: { 'targets/carol': targets({ version: 2 }, targetsKey) },
    kind: 'ErrBadTargets',
    says: 'valid signatures did not meet threshold for targets/carol',
  },
  'targets of another type': {
    files: withTargets((signed) => ({ ...signed, _type: 'targets' })),
    kind: 'ErrBadTargets',
    says: 'targets type metadata invalid: expected type Targets, not targets',
  },
  'a snapshot as targets': {
    files: { targets: seal(snapshotOf(3, good), targetsKey) },
    kind: 'ErrBadTargets',
    says: 'expected type Targets, not Snapshot',
  },
  'expired targets': {
    files: { targets: targets({ ...nextTargets, expires: past }) },
    kind: 'ErrBadTargets',
    says: 'targets expired at Sat Nov 21 08:16:44 UTC 2026',
  },
  'an expired delegated role': {
    files: { 'targets/carol': targets({ version: 2, expires: past }, carol) },
    kind: 'ErrBadTargets',
    says: 'targets/carol expired at',
  },
  'a delegated role below targets that expired since': {
    to: () => {
      const service = repository();
      service.publish({ targets: targets({ ...nextTargets, expires: '2026-11-22T00:00:00Z' }) });
      return service;
    },
    files: { 'targets/carol': targets({ version: 2 }, carol) },
    with: { nowMs: NOW + DAY },
    kind: 'ErrBadTargets',
    says: 'targets expired at Sun Nov 22',
  },
  'a role that nobody delegates': {
    files: { 'targets/erin': targets({}, carol) },
    kind: 'ErrBadTargets',
    says: 'tuf: invalid role targets/erin. delegation does not exist',
  },
  'a nested role whose parent is unknown': {
    files: { 'targets/erin/x': targets({}, carol) },
    kind: 'ErrBadTargets',
    says: 'tuf: invalid role targets/erin/x. delegation does not exist',
  },
  'a role that this very upload takes away': {
    files: { targets: targets({ version: 3 }), 'targets/carol': targets({ version: 2 }, carol) },
    kind: 'ErrBadTargets',
    says: 'tuf: invalid role targets/carol. delegation does not exist',
  },
  'a role below one whose keys were replaced': {
    files: {
      targets: targets({ version: 3, delegations: [{ ...releases, keys: [targetsKey] }] }),
      'targets/releases/nightly': targets({}, dave),
    },
    kind: 'ErrBadTargets',
    says: 'tuf: invalid role targets/releases/nightly. delegation does not exist',
  },
  'a delegation that is no direct child': {
    files: { targets: targets({ version: 3, delegations: [{ ...carols, name: 'targets/x/y' }] }) },
    kind: 'ErrBadTargets',
    says: 'delegation role targets/x/y invalid',
  },
  'a delegation beside its parent': {
    files: {
      'targets/releases': targets({ version: 2, delegations: [{ ...carols, name: 'targets/erin' }] }, dave),
    },
    kind: 'ErrBadTargets',
    says: 'delegation role targets/erin invalid',
  },
  'a delegation to a key that is not there': {
    files: resigned(`"keyids":["${carol.keyId}"]`, '"keyids":["8740"]'),
    kind: 'ErrBadTargets',
    says: 'key ID 8740 specified in targets/carol without corresponding key',
  },
  'a delegation with more threshold than keys': {
    files: { targets: targets({ version: 3, delegations: [{ ...releases, threshold: 3 }] }) },
    kind: 'ErrBadTargets',
    says: 'invalid threshold specified for targets/releases: 3 of 2 usable keys',
  },
  'more keys of delegations than anybody has': {
    files: {
      targets: targets({
        version: 3,
        delegations: Array.from({ length: 11 }, (_, at) => ({
          name: `targets/r${at}`,
          keys: manyKeys(92, String(at)),
        })),
      }),
    },
    kind: 'ErrBadTargets',
    says: 'more than 1000 keys of delegations',
  },
  'more delegations than the snapshot could list': {
    files: {
      targets: targets({
        version: 3,
        delegations: Array.from({ length: 1_001 }, (_, at) => ({ name: `targets/r${at}`, keys: [carol] })),
      }),
    },
    kind: 'ErrBadTargets',
    says: 'more than 1000 delegations',
  },
  'more delegated roles in two files than the snapshot could list': {
    files: {
      targets: targets({
        version: 3,
        delegations: [
          releases,
          ...Array.from({ length: 600 }, (_, at) => ({ name: `targets/r${at}`, keys: [carol] })),
        ],
      }),
      'targets/releases': targets(
        {
          version: 2,
          delegations: Array.from({ length: 600 }, (_, at) => ({
            name: `targets/releases/r${at}`,
            keys: [carol],
          })),
        },
        dave,
      ),
    },
    kind: 'ErrBadTargets',
    says: 'more than 1000 delegated roles',
  },
  'a target outside the paths of its role': {
    files: { 'targets/carol': targets({ version: 2, targets: ['carol-1', 'v1'] }, carol) },
    kind: 'ErrBadTargets',
    says: 'targets/carol may not list v1: outside the paths delegated to it',
  },
  'a target inside the paths of its role, outside those of the role above': {
    files: {
      targets: targets({ version: 3, delegations: [carols, { ...releases, paths: ['v'] }] }),
      'targets/releases/nightly': targets({ targets: ['n1'] }, dave),
    },
    kind: 'ErrBadTargets',
    says: 'targets/releases/nightly may not list n1',
  },
  'a target without hashes': {
    files: withTargets((signed) => ({ ...signed, targets: { v1: { hashes: {}, length: 5 } } })),
    kind: 'ErrBadTargets',
    says: 'targets type metadata invalid: target v1 has no sha256 or sha512',
  },
  'a target with a hash that clients do not know': {
    files: withTargets((signed) => ({ ...signed, targets: { v1: { hashes: { md5: 'AAAA' }, length: 5 } } })),
    kind: 'ErrBadTargets',
    says: 'target v1 has no sha256 or sha512',
  },
  'a target with half a hash': {
    files: withTargets((signed) => ({
      ...signed,
      targets: { v1: { hashes: { sha256: 'AAAA' }, length: 5 } },
    })),
    kind: 'ErrBadTargets',
    says: 'targets type metadata invalid',
  },
  'members that Go would take for others': {
    files: withTargets((signed) => ({ ...signed, Targets: {} })),
    kind: 'ErrBadTargets',
    says: 'member Targets would be taken for targets',
  },
  'members that Go would take for others, folded beyond ASCII': {
    files: withTargets((signed) => ({ ...signed, targetſ: {} })),
    kind: 'ErrBadTargets',
    says: 'would be taken for targets',
  },
  'such a member inside a target': {
    files: withTargets((signed) => ({
      ...signed,
      targets: { v1: { ...fileMeta(text('1')), Hashes: { sha256: 'AAAA' } } },
    })),
    kind: 'ErrBadTargets',
    says: 'member Hashes would be taken for hashes',
  },
  'such a member beside a signature': {
    files: replaced('"method"', '"Sig":"AAAA","method"'),
    kind: 'ErrBadTargets',
    says: 'member Sig would be taken for sig',
  },
  'a role of 100 MB': {
    files: { targets: new Uint8Array(100 * 1024 * 1024) },
    kind: 'ErrBadTargets',
    says: 'bytes where at most 67108864 are allowed',
  },
  'a root that our own clients would not read to its end': {
    files: { root: new Uint8Array(512_001) },
    kind: 'ErrBadRoot',
    says: 'bytes where at most 512000 are allowed',
  },

  // 5. The snapshot.
  'a snapshot by a stranger': {
    to: ownRepository,
    files: ownSnapshotOf((files) => snapshotOf(3, files), carol),
    kind: 'ErrBadSnapshot',
    says: 'valid signatures did not meet threshold for snapshot',
  },
  'a snapshot of the client where the service holds the key': {
    files: (service) => ({ snapshot: seal(snapshotOf(5, ownFiles(service)), ownSnapshot) }),
    kind: 'ErrBadSnapshot',
    says: 'valid signatures did not meet threshold for snapshot',
  },
  'an expired snapshot': {
    to: ownRepository,
    files: ownSnapshotOf((files) => ({ ...snapshotOf(3, files), expires: past })),
    kind: 'ErrBadSnapshot',
    says: 'snapshot expired at Sat Nov 21 08:16:44 UTC 2026',
  },
  'a snapshot with another hash of an uploaded file': {
    to: ownRepository,
    files: ownSnapshotOf((files) => snapshotOf(3, { ...files, targets: text('other') })),
    kind: 'ErrBadSnapshot',
    says: 'length for targets did not match: expected 5',
  },
  'a snapshot with another sha256 of a file that was not uploaded': {
    to: ownRepository,
    files: ownSnapshotOf(respell('root', (meta) => ({ ...meta, hashes: { sha256: `${'A'.repeat(43)}=` } }))),
    kind: 'ErrBadSnapshot',
    says: `sha256 checksum for root did not match: expected ${'00'.repeat(32)}`,
  },
  'a snapshot with another sha512': {
    to: ownRepository,
    files: ownSnapshotOf(
      respell('targets/carol', (meta) => ({
        ...meta,
        hashes: { ...objectOf(meta['hashes']), sha512: `${'A'.repeat(86)}==` },
      })),
    ),
    kind: 'ErrBadSnapshot',
    says: 'sha512 checksum for targets/carol did not match',
  },
  'a snapshot with another length': {
    to: ownRepository,
    files: ownSnapshotOf(respell('targets', (meta) => ({ ...meta, length: 1 }))),
    kind: 'ErrBadSnapshot',
    says: 'length for targets did not match: expected 1',
  },
  'a snapshot without a length': {
    to: ownRepository,
    files: ownSnapshotOf(respell('targets', (meta) => omit(meta, 'length'))),
    kind: 'ErrBadSnapshot',
    says: 'missing targets length information',
  },
  'a snapshot without sha256 of targets': {
    to: ownRepository,
    files: ownSnapshotOf(
      respell('targets', (meta) => ({ ...meta, hashes: omit(objectOf(meta['hashes']), 'sha256') })),
    ),
    kind: 'ErrBadSnapshot',
    says: 'missing targets sha256 checksum information',
  },
  'a snapshot without sha256 of a delegated role': {
    to: ownRepository,
    files: ownSnapshotOf(
      respell('targets/carol', (meta) => ({ ...meta, hashes: omit(objectOf(meta['hashes']), 'sha256') })),
    ),
    kind: 'ErrBadSnapshot',
    says: 'missing targets/carol sha256 checksum information',
  },
  'a snapshot that no longer lists a delegated role': {
    to: ownRepository,
    files: ownSnapshotOf(({ root: rootFile, targets: targetsFile }) =>
      snapshotOf(3, { root: rootFile ?? text(''), targets: targetsFile ?? text('') }),
    ),
    kind: 'ErrBadSnapshot',
    says: 'missing targets/carol sha256 checksum information',
  },
  'a snapshot that lists a role without file': {
    to: ownRepository,
    files: (service) => {
      const next = targets({ version: 3, delegations: [carols, releases] });
      const files = ownFiles(service, { targets: next, 'targets/releases': text('nowhere') });
      return { targets: next, snapshot: seal(snapshotOf(3, files), ownSnapshot) };
    },
    kind: 'ErrBadSnapshot',
    says: 'snapshot lists targets/releases, which has no file',
  },
  'no snapshot, where the client holds its key': {
    to: ownRepository,
    files: { targets: nextOwn },
    kind: 'ErrBadHierarchy',
    says: 'no snapshot was included in update and server does not hold current snapshot key for repository',
  },
  'a root with a snapshot key that nobody holds, and no snapshot': {
    files: { root: root({ ...ownRoles, version: 2 }) },
    kind: 'ErrBadHierarchy',
    says: 'server does not hold current snapshot key',
  },
  'a snapshot threshold that the service meets only in part': {
    files: { root: root({ version: 2, snapshot: { keys: [snapshotKey, carol], threshold: 2 } }) },
    kind: 'ErrBadHierarchy',
    says: 'server does not hold current snapshot key',
  },

  // 6. The timestamp.
  'a timestamp key that the service does not hold': {
    to: empty,
    files: good,
    with: held(snapshotKey),
    kind: 'ErrBadRoot',
    says: 'no timestamp keys exist on the server',
  },
  'a timestamp threshold that the service meets only in part': {
    files: { root: root({ version: 2, timestamp: { keys: [timestampKey, carol], threshold: 2 } }) },
    kind: 'ErrBadRoot',
    says: 'no timestamp keys exist on the server',
  },

  // 7. Versions.
  'targets that are there already': {
    files: { targets: targets({ ...nextTargets, version: 2 }) },
    code: 'VERSION',
    kind: 'ErrValidation',
    says: 'targets version 2 is already published; run publish again',
  },
  'older targets': {
    files: { targets: targets({ version: 1 }) },
    code: 'VERSION',
    says: 'targets version 1 is already',
  },
  'a delegated role that is there already': {
    files: { 'targets/carol': targets({}, carol) },
    code: 'VERSION',
    says: 'targets/carol version 1 is already published',
  },
  'a role that begins anew with other keys': {
    to: () => {
      const service = repository();
      service.publish({
        targets: targets({ version: 3, delegations: [{ ...carols, keys: [dave] }, releases] }),
      });
      return service;
    },
    files: { 'targets/carol': targets({}, dave) },
    code: 'VERSION',
    says: 'targets/carol version 1 is signed by keys it no longer has; run notary witness for this role',
  },
  'a snapshot that is there already': {
    to: ownRepository,
    files: (service) => ({ snapshot: seal(snapshotOf(2, ownFiles(service)), ownSnapshot) }),
    code: 'VERSION',
    says: 'snapshot version 2 is already published',
  },
  'targets that skip a version': {
    files: { targets: targets({ ...nextTargets, version: 4 }) },
    kind: 'ErrBadTargets',
    says: 'targets must increment the version by 1. Current 2, new 4',
  },
  'a snapshot that skips a version': {
    to: ownRepository,
    files: ownSnapshotOf((files) => snapshotOf(10, files)),
    kind: 'ErrBadSnapshot',
    says: 'snapshot must increment the version by 1. Current 2, new 10',
  },
  'first targets of version 3': {
    to: empty,
    files: { ...good, targets: targets({ version: 3 }) },
    kind: 'ErrBadTargets',
    says: 'the first targets has version 1 or 2, not 3',
  },
};

describe('refuses', () => {
  it.each(Object.entries(refusals))(
    '%s',
    (_name, { files, to = repository, with: change, code, kind, says }) => {
      const service = to();
      const before = [...service.stored];
      const sent = typeof files === 'function' ? files(service) : files;
      const error = refusalOf(() => service.publish(sent, change));
      expect(error.message).toContain(says);
      expect(error.code).toBe(code ?? 'INVALID_UPDATE');
      if (kind !== undefined) expect(error.kind).toBe(kind);
      expect([...service.stored]).toEqual(before);
    },
  );

  it('a file over its limit before reading it', () => {
    const service = repository();
    const bytes = new Uint8Array(100 * 1024 * 1024);
    const start = process.cpuUsage();
    refusalOf(() => service.judge({ targets: bytes }));
    const { user, system } = process.cpuUsage(start);
    expect((user + system) / 1000).toBeLessThan(500);
  });
});

/** The signed object of a file; what the tests compare with is spelt by `JSON.parse`. */
function manyKeys(count: number, seed = ''): readonly WireKey[] {
  return Array.from({ length: count }, (_, at) => edKey(`${seed} ${at}`));
}

function signedOf(bytes: Uint8Array): JsonObject {
  const file = parseJson(bytes, { maxBytes: bytes.length, maxDepth: 20 });
  const signed = isJsonObject(file) ? file['signed'] : undefined;
  if (!isJsonObject(signed)) throw new Error('no file');
  return JSON.parse(canonical(signed));
}

function plain(value: JsonObject): unknown {
  return JSON.parse(canonical(value));
}

function rolesOf(signed: JsonObject): JsonObject {
  return objectOf(signed['roles']);
}

function objectOf(value: unknown): JsonObject {
  return JSON.parse(JSON.stringify(value));
}

/** What `notary add --custom` does: signed as written, not as canonical JSON would have it. */
function signedRaw(signed: string): Uint8Array {
  const sig = Buffer.from(targetsKey.sign(text(signed))).toString('base64');
  return text(
    `{"signed":${signed},"signatures":[{"keyid":"${targetsKey.keyId}","method":"eddsa","sig":"${sig}"}]}`,
  );
}
