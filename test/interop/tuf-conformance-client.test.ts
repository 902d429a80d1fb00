/** The executable under another clock, as the public suite runs it: `faketime TIME tuf-conformance-client …`. */
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { type ConformanceBed, makeConformanceBed } from '../conformance/conformance-bed.ts';
import { DAY, START } from '../support/tuf-simulator.ts';

const program = new URL('./tuf-conformance-client', import.meta.url).pathname;
let bed: ConformanceBed;

beforeEach(async () => {
  bed = await makeConformanceBed();
});
afterEach(async () => {
  await bed.close();
});

async function refreshAt(time: number): Promise<number | null> {
  const clock = new Date(time).toISOString().slice(0, 19).replace('T', ' ');
  const child = spawn('faketime', [clock, program, ...bed.args('refresh')], {
    stdio: ['ignore', 'ignore', 'inherit'],
    env: { ...process.env, TZ: 'UTC' },
  });
  const [code] = await once(child, 'close');
  return code;
}

describe('the conformance client under faketime', () => {
  it('accepts metadata in its time, and refuses it when it has expired', async () => {
    await bed.init();
    expect(await refreshAt(START + 60_000)).toBe(0);
    expect(await refreshAt(START + 2 * DAY)).toBe(1);
    expect(await bed.trusted()).toEqual([1, 1, 1, 1]);
  });
});
