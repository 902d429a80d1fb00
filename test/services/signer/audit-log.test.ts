import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { verifyAuditLog } from '@vidimus/signer';
import { describe, expect, it } from 'vitest';
import { codeOf, createSignerBed, place, request, targets, timestamp } from './signer-bed.ts';

async function someLines() {
  const bed = await createSignerBed();
  const key = await bed.signer.makeKey(place('timestamp'));
  await bed.signer.sign(request(key, place('timestamp'), timestamp()));
  await codeOf(() => bed.signer.sign(request(key, place('targets'), targets())));
  await bed.signer.destroyKey(key.keyId, place('').repository);
  return { bed, path: join(bed.directory, 'audit.jsonl') };
}

describe('the audit log', () => {
  it('tells everything in order, each line bound to the one before', async () => {
    const { bed, path } = await someLines();
    expect(bed.audit().map(({ event }) => event)).toEqual([
      'started',
      'made',
      'signed',
      'refused',
      'destroyed',
    ]);
    expect(await verifyAuditLog(path)).toMatchObject({ lines: 5 });
  });

  it('goes on after a restart', async () => {
    const { bed, path } = await someLines();
    const { head } = await verifyAuditLog(path);
    const again = await bed.restart();
    expect(again.audit().at(-1)).toMatchObject({ n: 6, event: 'started', previous: head });
    expect(await verifyAuditLog(path)).toMatchObject({ lines: 6 });
  });

  it.each([
    ['was changed', (lines: string[]) => lines.map((line) => line.replace('"refused"', '"signed"'))],
    ['was taken out', (lines: string[]) => lines.filter((line) => !line.includes('"refused"'))],
    ['was spoilt', (lines: string[]) => [...lines.slice(0, -1), '{"n":"5"}']],
    ['was put in', (lines: string[]) => [...lines.slice(0, 2), ...lines.slice(1)]],
  ])('shows a line that %s', async (_, spoil) => {
    const { path } = await someLines();
    writeFileSync(path, `${spoil(readFileSync(path, 'utf8').trimEnd().split('\n')).join('\n')}\n`);
    expect(await codeOf(() => verifyAuditLog(path))).toBe('RECORD_UNUSABLE');
  });
});
