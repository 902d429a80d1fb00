/** `vidimus migrate notary` as far as it goes without a database: what it was told, and what it says. */
import { describe, expect, it } from 'vitest';
import type { RepositoryResult } from '../../packages/cli/src/migrate/notary/import-all.ts';
import { resultJson, resultLines } from '../../packages/cli/src/migrate/notary/report.ts';
import { temporaryDirectory } from '../packages/cli/temporary-files.ts';
import { runCommand } from '../support/service-command.ts';

const now = Date.UTC(2026, 10, 21, 9);
const day = 86_400_000;
const key = '7c1e09ab42d1'.padEnd(64, '0');

const imported = (
  state: Partial<Extract<RepositoryResult['outcome'], { state: unknown }>['state']> = {},
): RepositoryResult => ({
  keyProblems: [],
  unreadable: 0,
  outcome: {
    outcome: 'imported',
    state: {
      repository: 'registry.example.com/team/app',
      rootVersion: 2,
      tags: 3,
      custody: { timestamp: 'service', snapshot: 'service' },
      keyIds: { timestamp: [key], snapshot: [key] },
      expiresMs: {
        root: now + 900 * day,
        targets: now + 400 * day,
        snapshot: now + 400 * day,
        timestamp: now + 5 * day,
      },
      warnings: [],
      leftOut: [],
      final: false,
      added: { versions: 41, changes: 12, keys: 2 },
      ...state,
    },
  },
});

const signer = { hasSigner: true };

describe('what it is told', () => {
  it.each([
    ['nothing', [], 'say where the data of the Notary server is'],
    [
      'a database of another kind',
      ['--server-db', 'mongodb://u:hunter2@db/n'],
      '--server-db does not name a database',
    ],
    [
      'a signer of another kind',
      ['--server-db', 'postgres://db/n', '--signer-db', 'x'],
      '--signer-db does not name a database',
    ],
  ])('is refused with %s: exit 2, and nothing is made', async (_, words, message) => {
    const data = temporaryDirectory();
    const { exit, stdout, stderr } = await runCommand(['migrate', 'notary', ...words, '--data', data]);
    expect([exit, stdout]).toEqual([2, '']);
    expect(stderr).toContain(message);
    expect(stderr).not.toContain('hunter2');
  });

  it('is refused with PostgreSQL and no master key, as serve is', async () => {
    const words = ['migrate', 'notary', '--server-db', 'postgres://127.0.0.1:1/n', '--json'];
    const { exit, stdout } = await runCommand(words, { DATABASE_URL: 'postgres://127.0.0.1:1/v' });
    expect(exit).toBe(2);
    expect(JSON.parse(stdout)).toMatchObject({
      error: { code: 'USAGE', message: expect.stringContaining('master key') },
    });
  });
});

describe('what it says', () => {
  it('of a repository that came over is one line', () => {
    expect(resultLines(imported(), signer, now)).toEqual({
      verdict: 'IMPORTED',
      isGood: true,
      subject:
        'registry.example.com/team/app  root v2, 3 tags, 41 new versions, timestamp and snapshot signed here',
      facts: [],
    });
  });

  it('of a lost timestamp key is until when clients go on, and the way out', () => {
    const lost = imported({ custody: { timestamp: 'elsewhere', snapshot: 'elsewhere' } });
    expect(resultLines(lost, signer, now).facts).toEqual([
      [
        'note',
        'the timestamp key 7c1e09ab42d1 did not come over: the timestamp expires 2026-11-26 09:00 (5 days)',
      ],
      [
        'fix',
        'after --final and before that its owner runs: notary key rotate registry.example.com/team/app timestamp -r',
      ],
    ]);
    expect(resultLines(lost, { hasSigner: false }, now).facts).toHaveLength(4);
  });

  it('names the variable of a passphrase, and never the passphrase', () => {
    const sealed = {
      ...imported(),
      keyProblems: [
        { keyId: key, refusal: { code: 'PASSPHRASE_WRONG', variable: 'NOTARY_SIGNER_ONE' } as const },
      ],
    };
    expect(resultLines(sealed, signer, now).facts).toEqual([
      ['note', 'key 7c1e09ab42d1 does not open with NOTARY_SIGNER_ONE'],
      ['fix', 'set NOTARY_SIGNER_ONE as notary-signer has it, and run this again'],
    ]);
  });

  it('of everything that clients refuse is who can mend it', () => {
    const ill = imported({
      warnings: [
        { code: 'EXPIRED', role: 'targets', message: 'x', expiresMs: now - 3 * day },
        { code: 'ROLE_UNSIGNED', role: 'releases', message: 'x' },
        { code: 'CERTIFICATE_INVALID', role: 'root', message: 'the root certificate is expired' },
      ],
      leftOut: [{ role: 'targets', version: 2, code: 'HASH_MISMATCH' }],
    });
    const facts = resultLines(ill, signer, now).facts.filter(([name]) => name === 'note');
    expect(facts.map(([, text]) => text)).toEqual([
      'targets expired 2026-11-18 09:00 (3 days ago): clients refuse it, as they did there',
      'releases is not signed by the keys it has now: clients pass it over',
      'the root certificate is expired',
      '1 old version does not verify and stayed there, among them targets 2 (HASH_MISMATCH)',
    ]);
  });

  it.each([
    'THRESHOLD',
    'NAME_INVALID',
    'REPOSITORY_EXISTS',
    'HISTORY_CHANGED',
    'SOURCE_WENT_ON',
    'MISSING',
    'nonsense',
    'toString',
  ])('of a refusal (%s) is the reason and a way out', (code) => {
    const outcome = { outcome: 'refused', repository: 'r', refusal: { code, message: 'because' } } as const;
    const { verdict, subject, facts } = resultLines({ outcome, keyProblems: [], unreadable: 0 }, signer, now);
    expect([verdict, subject, facts[0]]).toEqual(['REFUSED', `r  ${code}`, ['why', 'because']]);
    expect(facts[1]?.[1]).toMatch(/\w{4}/);
    expect(facts[1]?.[1]).not.toContain('REPO');
  });

  it('escapes what a row may hold', () => {
    const repository = 'a\u001b[31m\u202eb';
    const outcome = {
      outcome: 'refused',
      repository,
      refusal: { code: 'NAME_INVALID', message: '\u0007' },
    } as const;
    const lines = JSON.stringify(resultLines({ outcome, keyProblems: [], unreadable: 0 }, signer, now));
    expect(lines).toContain('\\\\u001b');
    expect(lines).not.toContain('\u202e');
  });

  it('is the same for a program, with whole ids and times', () => {
    const json = resultJson(imported({ custody: { timestamp: 'elsewhere', snapshot: 'service' } }), signer);
    expect(json).toMatchObject({
      repository: 'registry.example.com/team/app',
      outcome: 'imported',
      expires: { timestamp: '2026-11-26T09:00:00Z' },
      keyIds: { timestamp: [key] },
      problems: [{ code: 'TIMESTAMP_KEY_LOST' }],
    });
  });
});
