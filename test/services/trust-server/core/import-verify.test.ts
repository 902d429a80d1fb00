/** What a history must be before any of it is stored: the chain of roots, the current state, every older version. */
import { notaryDialect } from '@vidimus/notary';
import { DEFAULT_LIMITS, TufError, type VerifyContext } from '@vidimus/tuf';
import { beforeEach, describe, expect, it } from 'vitest';
import { sortVersions } from '../../../../services/trust-server/src/core/import/stored-versions.ts';
import {
  type CurrentState,
  verifyCurrent,
} from '../../../../services/trust-server/src/core/import/verify-current.ts';
import { verifyOlder } from '../../../../services/trust-server/src/core/import/verify-older.ts';
import { NotaryHistory } from '../../../support/notary-history.ts';
import { toRepositoryHistory } from './import-history-for-test.ts';

const repository = 'registry.example.com/team/app';
const day = 86_400_000;
const wrongHash = '00'.repeat(32);
let made: NotaryHistory;
beforeEach(async () => {
  made = await NotaryHistory.create(repository);
  await made.tag('v1');
  await made.delegate('releases');
  await made.tag('v2', 'releases');
});

function contextOf(name = repository): VerifyContext {
  return { dialect: notaryDialect, repository: name, foreign: true, limits: DEFAULT_LIMITS };
}

async function verify(nowMs = made.now): Promise<CurrentState> {
  const history = toRepositoryHistory(made);
  return await verifyCurrent(contextOf(), history, sortVersions(history), nowMs);
}

async function codeOf(work: Promise<unknown>): Promise<string> {
  try {
    await work;
    return 'accepted';
  } catch (error) {
    if (error instanceof TufError) return error.code;
    throw error;
  }
}

/** `role version` of what is taken, and `role version CODE` of what is not. */
async function older(): Promise<readonly string[]> {
  const history = toRepositoryHistory(made);
  const stored = sortVersions(history);
  const current = await verifyCurrent(contextOf(), history, stored, made.now);
  const known = new Set(current.files.map(({ role, version }) => `${role} ${version}`));
  const rows = [...stored.byRole.values()]
    .flat()
    .filter(({ modelRole, version }) => !known.has(`${modelRole} ${version}`));
  const said: string[] = [];
  for await (const judged of verifyOlder(contextOf(), history, current, rows)) {
    if ('file' in judged) said.push(`${judged.file.role} ${judged.file.version}`);
    else said.push(`${judged.leftOut.role} ${judged.leftOut.version} ${judged.leftOut.code}`);
  }
  return said;
}

describe('the current state', () => {
  it('is the newest timestamp and what it leads to, under the whole chain of roots', async () => {
    await made.rotateRoot();
    await made.rotateOnline('snapshot');
    const state = await verify();
    expect(state.roots.map(({ document }) => document.version)).toEqual([1, 2, 3]);
    expect([...state.documents.keys()]).toEqual(['targets', 'releases']);
    expect(state.warnings).toEqual([]);
    expect(state.files.map(({ role, version }) => `${role} ${version}`)).toEqual([
      'root 1',
      'root 2',
      'root 3',
      `timestamp ${made.row('timestamp').version}`,
      `snapshot ${made.row('snapshot').version}`,
      `targets ${made.row('targets').version}`,
      `releases ${made.row('targets/releases').version}`,
    ]);
    expect(state.files.every(({ storedAtMs }) => storedAtMs !== undefined)).toBe(true);
  });

  it('may begin with root 2', async () => {
    made = await NotaryHistory.create(repository, { firstRoot: 2 });
    expect((await verify()).roots.map(({ document }) => document.version)).toEqual([2]);
  });

  it('is found by hash, also where the source lists none', async () => {
    for (const { role, version } of [...made.rows]) made.spoil(role, { sha256: undefined }, version);
    expect((await verify()).documents.size).toBe(2);
  });

  const spoiled: readonly (readonly [string, string, (history: NotaryHistory) => void])[] = [
    ['has no root', 'MISSING', (h) => h.drop('root')],
    ['has no timestamp', 'MISSING', (h) => h.drop('timestamp')],
    [
      'has lost the snapshot that the timestamp names',
      'MISSING',
      (h) => h.drop('snapshot', h.row('snapshot').version),
    ],
    [
      'has lost the targets that the snapshot names',
      'MISSING',
      (h) => h.drop('targets', h.row('targets').version),
    ],
    ['has lost the file of a delegation', 'MISSING', (h) => h.drop('targets/releases')],
    ['has a root under another version', 'VERSION', (h) => h.spoil('root', { version: 2 })],
    ['has a timestamp under another version', 'VERSION', (h) => h.spoil('timestamp', { version: 99 })],
    ['has another SHA-256 beside the root', 'HASH_MISMATCH', (h) => h.spoil('root', { sha256: wrongHash })],
    [
      'has another SHA-256 beside the targets',
      'HASH_MISMATCH',
      (h) => h.spoil('targets', { sha256: wrongHash }),
    ],
    [
      'has a changed root',
      'THRESHOLD',
      (h) => edit(h, 'root', '"consistent_snapshot":false', '"consistent_snapshot":true'),
    ],
    ['has a changed timestamp', 'THRESHOLD', (h) => edit(h, 'timestamp', '"length":', '"length":1')],
    ['has a root that is no JSON', 'MALFORMED', (h) => edit(h, 'root', '{', '[')],
    ['has a targets file for its root', 'WRONG_TYPE', (h) => setData(h, 'root', h.row('targets').data)],
    ['has a root too large to be one', 'LIMIT', (h) => setData(h, 'root', new Uint8Array(1_000_000))],
  ];
  it.each(spoiled)('is refused when it %s: %s', async (_, code, spoil) => {
    spoil(made);
    expect(await codeOf(verify())).toBe(code);
  });

  it('is refused when a root of the chain is gone, at the start or in the middle', async () => {
    await made.rotateRoot();
    await made.rotateRoot();
    const rows = [...made.rows];
    made.drop('root', 2);
    expect(await codeOf(verify())).toBe('VERSION');
    made.rows.splice(0, made.rows.length, ...rows);
    made.drop('root', 1);
    made.drop('root', 2);
    expect(await codeOf(verify())).toBe('ROOT_CHAIN');
  });

  it('is refused when a root is not signed by the one before it', async () => {
    const stranger = await NotaryHistory.create(repository, { label: 'stranger' });
    await stranger.rotateRoot();
    made.rows.push({ ...stranger.row('root'), id: 1_000 });
    expect(await codeOf(verify())).toBe('THRESHOLD');
  });

  it('is refused when the root is for another repository', async () => {
    const history = toRepositoryHistory(made);
    const context = contextOf('registry.example.com/team/other');
    expect(await codeOf(verifyCurrent(context, history, sortVersions(history), made.now))).toBe('BINDING');
  });

  it('is refused when the snapshot was made for an older root', async () => {
    await made.publishRoot();
    await made.publishTimestamp();
    expect(await codeOf(verify())).toMatch(/^(HASH|LENGTH)_MISMATCH$/);
  });

  it('is taken when it has expired, and says so: its owner can still go on', async () => {
    const state = await verify(made.now + 20 * day);
    expect(state.warnings).toMatchObject([{ code: 'EXPIRED', role: 'timestamp' }]);
    const later = await verify(made.now + 4_000 * day);
    const codes = later.warnings.map(({ code, role }) => `${code} ${role}`);
    expect(codes).toEqual(
      expect.arrayContaining(['CERTIFICATE_INVALID root', 'EXPIRED root', 'EXPIRED targets']),
    );
  });

  it('says nothing of old roots that have expired', async () => {
    made.lifetimes = { root: 400 * day };
    await made.publishRoot();
    made.lifetimes = {};
    await made.rotateRoot();
    expect((await verify(made.now + 410 * day)).warnings.map(({ role }) => role)).not.toContain('root');
  });

  it('keeps the file of a delegation whose keys were taken away, as clients pass it over only if it is there', async () => {
    const [releases] = made.delegations;
    if (releases === undefined) throw new Error('no delegation');
    made.delegations = [{ ...releases, keyIds: [made.online.targets.key.keyId] }];
    await made.publish('targets');
    const state = await verify();
    expect(state.warnings).toMatchObject([{ code: 'ROLE_UNSIGNED', role: 'releases' }]);
    expect(state.currentRoles.has('releases')).toBe(true);
    expect(state.documents.has('releases')).toBe(false);
  });

  it('passes over a delegation that nobody has published', async () => {
    await made.delegate('qa');
    expect((await verify()).currentRoles.has('qa')).toBe(false);
  });
});

describe('older versions', () => {
  it('are taken under the keys of their time, or as a snapshot of their time lists them', async () => {
    await made.rotateOnline('timestamp');
    await made.rotateOnline('snapshot');
    await made.rotateOnline('targets');
    await made.tag('v3');
    const said = await older();
    expect(said.every((line) => line.split(' ').length === 2)).toBe(true);
    expect(said).toEqual(expect.arrayContaining(['timestamp 1', 'snapshot 2', 'targets 2', 'targets 3']));
    expect(said).toHaveLength(made.rows.length - 4 - 1 - 1 - 1 - 1);
  });

  const spoiled: readonly (readonly [string, string, (history: NotaryHistory) => void])[] = [
    [
      'bytes that are not those of the hash beside them',
      'HASH_MISMATCH',
      (h) => h.spoil('targets', { sha256: wrongHash }, 2),
    ],
    ['bytes that are gone', 'MISSING', (h) => h.spoil('targets', { data: undefined }, 2)],
    ['a version that is another one', 'VERSION', (h) => h.spoil('targets', { version: 1 }, 2)],
  ];
  it.each(spoiled)('are left out for %s', async (_, code, spoil) => {
    spoil(made);
    const bad = (await older()).filter((line) => line.split(' ').length === 3);
    expect(bad).toEqual([expect.stringMatching(new RegExp(`^targets [12] ${code}$`))]);
  });

  it("are left out when they are another repository's, however well they are stored", async () => {
    const other = await NotaryHistory.create('registry.example.com/team/other');
    for (const [role, version] of [
      ['targets', 2],
      ['snapshot', 2],
      ['timestamp', 1],
    ] as const) {
      const { data, sha256 } = other.row(role);
      made.spoil(role, { data, sha256 }, version);
    }
    const bad = (await older()).filter((line) => line.split(' ').length === 3);
    // What the lost snapshot had listed is listed by nobody else now.
    expect(bad).toEqual(['timestamp 1 THRESHOLD', 'snapshot 2 THRESHOLD', 'targets 2 UNLISTED']);
  });
});

describe('rows', () => {
  it('that name no role, or no version, are left out', () => {
    for (const [role, version] of [
      ['targets/../root', 1],
      ['Targets', 1],
      ['targets/root', 1],
      ['', 1],
      ['targets', 0],
      ['targets', -1],
      ['targets', 2 ** 31],
      ['targets', 2],
    ] as const) {
      made.rows.push({ ...made.row('targets'), id: made.rows.length + 1, role, version });
    }
    const { leftOut } = sortVersions(toRepositoryHistory(made));
    expect(leftOut.map(({ code }) => code)).toEqual([
      ...Array.from({ length: 4 }, () => 'INVALID_ROLE'),
      ...Array.from({ length: 4 }, () => 'VERSION'),
    ]);
  });
});

/** With a hash that fits. */
function setData(history: NotaryHistory, role: string, data: Uint8Array | undefined): void {
  history.spoil(role, { data, sha256: undefined });
}

function edit(history: NotaryHistory, role: string, from: string, to: string): void {
  const text = Buffer.from(history.row(role).data ?? []).toString('utf8');
  setData(history, role, Buffer.from(text.replace(from, to)));
}
