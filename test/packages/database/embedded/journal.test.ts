import { describe, expect, it } from 'vitest';
import { Journal } from '../../../../packages/database/src/embedded/journal.ts';
import { encodeRecord, type WriteRecord } from '../../../../packages/database/src/embedded/journal-record.ts';
import { MemoryDisk, systemError } from './memory-disk.ts';

const first = '0000000000000001.log';
const silent = () => undefined;

function record(seq: number): WriteRecord {
  return {
    kind: 'write',
    seq,
    schema: 1,
    statements: [{ sql: 'delete from x', params: [`value ${seq}`], rows: 0 }],
  };
}

async function written(count: number): Promise<MemoryDisk> {
  const disk = new MemoryDisk();
  const { journal } = await Journal.open(disk, silent);
  for (let seq = 1; seq <= count; seq += 1) await journal.append(record(seq));
  return disk;
}

async function seqsOf(disk: MemoryDisk): Promise<readonly number[]> {
  return (await Journal.open(disk, silent)).writes.map(({ seq }) => seq);
}

describe('an open journal', () => {
  it('syncs a new segment and its directory before it is used', async () => {
    const disk = await written(0);
    expect(disk.events).toEqual(['list .', `create ${first}`, `sync ${first}`, 'sync .']);
  });

  it('has synced a record when append returns', async () => {
    const disk = await written(2);
    disk.losePower();
    expect(await seqsOf(disk)).toEqual([1, 2]);
  });

  it('leaves out what was cancelled', async () => {
    const disk = await written(2);
    const { journal } = await Journal.open(disk, silent);
    await journal.cancel(2);
    await journal.append(record(3));
    expect(await seqsOf(disk)).toEqual([1, 3]);
  });

  it('keeps two segments, and goes on counting across them', async () => {
    const disk = await written(2);
    const { journal } = await Journal.open(disk, silent);
    await journal.startSegment();
    await journal.append(record(3));
    expect(journal.firstSeq).toBe(1);
    await journal.startSegment();
    expect(journal.firstSeq).toBe(3);
    expect([...disk.files.keys()]).toEqual(['0000000000000003.log', '0000000000000004.log']);
    const again = await Journal.open(disk, silent);
    expect([again.journal.firstSeq, again.journal.nextSeq]).toEqual([3, 4]);
  });

  it('goes on in the old segment when a new one cannot be made', async () => {
    const disk = await written(1);
    const { journal } = await Journal.open(disk, silent);
    disk.before = (operation, name) => {
      if (operation === 'sync' && name === '0000000000000002.log') throw systemError('ENOSPC');
    };
    await expect(journal.startSegment()).rejects.toMatchObject({ code: 'ENOSPC' });
    await journal.append(record(2));
    expect(await seqsOf(disk)).toEqual([1, 2]);
  });
});

describe('a disk that fails', () => {
  it('full: takes half a record back and goes on when there is room', async () => {
    const disk = await written(1);
    const { journal } = await Journal.open(disk, silent);
    disk.before = (operation) => {
      if (operation === 'append') throw systemError('ENOSPC');
    };
    await expect(journal.append(record(2))).rejects.toMatchObject({ code: 'DISK_FULL' });
    disk.before = silent;
    await journal.append(record(2));
    expect(await seqsOf(disk)).toEqual([1, 2]);
  });

  it('full, and half a record stays: no write until the next start', async () => {
    const disk = await written(1);
    const { journal } = await Journal.open(disk, silent);
    disk.before = (operation) => {
      if (operation !== 'sync') throw systemError('ENOSPC');
    };
    await expect(journal.append(record(2))).rejects.toMatchObject({ code: 'READ_ONLY' });
    disk.before = silent;
    await expect(journal.append(record(2))).rejects.toMatchObject({ code: 'READ_ONLY' });
    expect(await seqsOf(disk)).toEqual([1]);
  });

  it('failing an fsync: no write until the next start, even if the disk then claims success', async () => {
    const disk = await written(1);
    const { journal } = await Journal.open(disk, silent);
    disk.before = (operation) => {
      if (operation === 'sync') throw systemError('EIO');
    };
    await expect(journal.append(record(2))).rejects.toMatchObject({ code: 'READ_ONLY' });
    disk.before = silent;
    await expect(journal.append(record(2))).rejects.toMatchObject({ code: 'READ_ONLY' });
    expect(() => journal.assertWritable()).toThrow(expect.objectContaining({ code: 'READ_ONLY' }));
    expect(await seqsOf(disk)).toEqual([1]);
  });

  it('refusing a cancellation: nothing may follow the record', async () => {
    const disk = await written(1);
    const { journal } = await Journal.open(disk, silent);
    disk.before = (operation) => {
      if (operation === 'append') throw systemError('ENOSPC');
    };
    await expect(journal.cancel(1)).rejects.toMatchObject({ code: 'READ_ONLY' });
    disk.before = silent;
    await expect(journal.append(record(2))).rejects.toMatchObject({ code: 'READ_ONLY' });
  });
});

describe('a damaged journal', () => {
  const whole = encodeRecord(record(3));

  it.each([
    ['half a record', whole.subarray(0, whole.length - 1)],
    ['a mark alone', whole.subarray(0, 4)],
    ['zeros, as a file system leaves them', Buffer.alloc(4096)],
    [
      'a record whose last block was not written',
      Buffer.concat([whole.subarray(0, 60), Buffer.alloc(whole.length - 60)]),
    ],
  ])('that ends in %s is cut there, with a warning', async (_name, tail) => {
    const disk = await written(2);
    const content = disk.content(first);
    const good = content.bytes.length;
    content.bytes = Buffer.concat([content.bytes, tail]);
    const warnings: string[] = [];
    const { journal, writes } = await Journal.open(disk, ({ code }) => warnings.push(code));
    expect(warnings).toEqual(['JOURNAL_TORN']);
    expect(writes.map(({ seq }) => seq)).toEqual([1, 2]);
    expect(content.bytes.length).toBe(good);
    await journal.append(record(3));
    expect(await seqsOf(disk)).toEqual([1, 2, 3]);
  });

  it('with any byte of an earlier record changed is refused', async () => {
    const size = encodeRecord(record(1)).length;
    for (let at = 0; at < size; at += 1) {
      const disk = await written(2);
      const content = disk.content(first);
      content.bytes = Buffer.from(content.bytes);
      content.bytes.writeUInt8((content.bytes[at] ?? 0) ^ 0x40, at);
      await expect(Journal.open(disk, silent)).rejects.toMatchObject({ code: 'JOURNAL_CORRUPT' });
    }
  });

  it('without a segment in the middle is refused', async () => {
    const disk = await written(1);
    disk.files.set('0000000000000003.log', { bytes: Buffer.alloc(0), synced: Buffer.alloc(0) });
    await expect(Journal.open(disk, silent)).rejects.toMatchObject({ code: 'JOURNAL_CORRUPT' });
  });

  it('torn before its last segment is refused', async () => {
    const disk = await written(1);
    const { journal } = await Journal.open(disk, silent);
    await journal.startSegment();
    const content = disk.content(first);
    content.bytes = Buffer.concat([content.bytes, Buffer.from('x')]);
    await expect(Journal.open(disk, silent)).rejects.toMatchObject({ code: 'JOURNAL_CORRUPT' });
  });

  it.each([
    ['a record twice', 2],
    ['a record that skips a number', 4],
  ])('with %s is refused', async (_name, seq) => {
    const disk = await written(2);
    const content = disk.content(first);
    content.bytes = Buffer.concat([content.bytes, encodeRecord(record(seq))]);
    await expect(Journal.open(disk, silent)).rejects.toMatchObject({ code: 'JOURNAL_CORRUPT' });
  });
});
