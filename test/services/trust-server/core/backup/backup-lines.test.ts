import { expect, it } from 'vitest';
import { BackupError } from '../../../../../services/trust-server/src/core/backup/backup-error.ts';
import {
  createBackupWriter,
  readBackup,
} from '../../../../../services/trust-server/src/core/backup/backup-lines.ts';
import { chunksOf } from './backup-for-test.ts';

const head = {
  format: 'vidimus-backup' as const,
  version: 1 as const,
  at: '2026-11-21T09:00:00Z',
  migrations: 4,
  masterKeys: { service: { key: 'AAAA', fingerprint: '0123456789abcdef' } },
};

function write(): Buffer {
  const writer = createBackupWriter();
  const first = writer.head(head);
  const rows = Array.from({ length: 12 }, (_, at) =>
    writer.row({
      table: at < 6 ? 'trust_repositories' : 'key_keys',
      json: JSON.stringify({ at, text: 'ü\n' }),
    }),
  );
  return Buffer.concat([first, ...rows, writer.end()]);
}

async function read(bytes: Uint8Array): Promise<string> {
  let pieces = 0;
  try {
    for await (const _ of readBackup(chunksOf(bytes))) pieces += 1;
  } catch (error) {
    if (error instanceof BackupError) return error.code;
    throw error;
  }
  return `${pieces} pieces`;
}

it('reads what was written, in pieces that fit no line', async () => {
  expect(await read(write())).toBe('13 pieces');
});

it('refuses a backup in which any byte was changed', async () => {
  const text = write();
  for (let at = 0; at < text.length; at += 1) {
    const flipped = Uint8Array.from(text);
    flipped[at] = (flipped[at] ?? 0) ^ 1;
    expect([at, await read(flipped)]).toEqual([at, expect.stringMatching(/^BACKUP_/)]);
  }
});

it('refuses a backup that was cut short, wherever', async () => {
  const text = write();
  for (let length = 0; length < text.length; length += 1) {
    expect([length, await read(text.subarray(0, length))]).toEqual([
      length,
      expect.stringMatching(/^BACKUP_/),
    ]);
  }
});

it.each([
  ['a row left out', (lines: string[]) => lines.toSpliced(5, 1), 'BACKUP_INVALID'],
  ['a row twice', (lines: string[]) => lines.toSpliced(5, 0, lines[5] ?? ''), 'BACKUP_INVALID'],
  [
    'rows in another order',
    (lines: string[]) => lines.toSpliced(3, 2, lines[4] ?? '', lines[3] ?? ''),
    'BACKUP_INVALID',
  ],
  ['something after its end', (lines: string[]) => [...lines, 'key_keys\t{}'], 'BACKUP_INVALID'],
  ['no head', (lines: string[]) => lines.slice(1), 'BACKUP_INVALID'],
  ['two heads', (lines: string[]) => lines.toSpliced(1, 0, lines[0] ?? ''), 'BACKUP_INVALID'],
  ['a web page', () => ['<html></html>'], 'BACKUP_INVALID'],
  ['a newer format', () => ['head\t{"format":"vidimus-backup","version":2}'], 'BACKUP_NEWER'],
  ['nothing', () => [], 'BACKUP_TRUNCATED'],
])('refuses %s', async (_, spoil, code) => {
  const lines = write().toString('utf8').trimEnd().split('\n');
  const spoilt = spoil(lines);
  expect(await read(Buffer.from(spoilt.map((line) => `${line}\n`).join('')))).toBe(code);
});

it('refuses a line without end in bounded memory', async () => {
  async function* endless(): AsyncGenerator<Uint8Array> {
    for (;;) yield Buffer.alloc(1024 * 1024, 'x');
  }
  const reading = readBackup(endless()).next();
  await expect(reading).rejects.toMatchObject({ code: 'BACKUP_INVALID' });
});
