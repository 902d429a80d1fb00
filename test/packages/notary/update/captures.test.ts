/** Every upload that the real clients were recorded to send is judged as it was then, but for what is written down. */
import { readFileSync } from 'node:fs';
import { sha256Hex } from '@vidimus/crypto';
import { NotaryError, toModelRole, toWireError, validateUpdate } from '@vidimus/notary';
import { describe, expect, it } from 'vitest';
import { type RecordedUpload, replayUploads, snapshotOf } from '../../../interop/notary/captures/replay.ts';
import { DAY } from './wire-client.ts';

const uploads = replayUploads();

/** `200`, or status and code of a refusal. */
function judge(upload: RecordedUpload): string {
  const stored = new Map([...upload.stored].map(([role, bytes]) => [toModelRole(role), bytes]));
  const lifetimesMs = new Map([
    ['snapshot', 1_095 * DAY],
    ['timestamp', 14 * DAY],
  ]);
  try {
    validateUpdate({ ...upload, stored, lifetimesMs });
    return '200';
  } catch (error) {
    if (!(error instanceof NotaryError)) throw error;
    return `${toWireError(error).status} ${error.code}`;
  }
}

/** The first table of the page: name, recorded answer, answer here. */
function differences(): ReadonlyMap<string, readonly [recorded: string, here: string]> {
  const page = readFileSync(new URL('../../../interop/notary/DIFFERENCES.md', import.meta.url), 'utf8');
  const rows = page.matchAll(/^\| `(\d[^`]+)` \| (\d[^|]*) \| (\d[^|]*) \|/gm);
  return new Map([...rows].map(([, name = '', recorded = '', here = '']) => [name, [recorded, here]]));
}

const listed = differences();

describe('recorded uploads', () => {
  it('are all there, with what was stored before them', () => {
    expect(uploads).toHaveLength(60);
    for (const { name, stored } of uploads) {
      const timestamp = stored.get('timestamp');
      const snapshot = stored.get('snapshot');
      if (timestamp === undefined || snapshot === undefined) expect([...stored.keys()], name).toEqual([]);
      else expect(snapshotOf(timestamp), name).toBe(sha256Hex(snapshot));
    }
  });

  it('differ where the page says so, and nowhere else', () => {
    expect([...listed.keys()]).toEqual(['57-signer-down 7']);
  });

  it.each(uploads)('$name for $repository', (upload) => {
    const recorded = upload.code === undefined ? String(upload.status) : `${upload.status} ${upload.code}`;
    const [then, here] = listed.get(upload.name) ?? [recorded, recorded];
    expect(recorded).toBe(then);
    expect(judge(upload)).toBe(here);
    if (listed.has(upload.name)) expect(here).not.toBe(recorded);
  });
});
