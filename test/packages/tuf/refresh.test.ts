import { describe, expect, it } from 'vitest';
import { TufClient } from '../../support/tuf-client.ts';
import { TufSimulator } from '../../support/tuf-simulator.ts';

const first = ['2.root.json', 'timestamp.json', '1.snapshot.json', '1.targets.json'];

describe('refresh', () => {
  it('asks for the next root, timestamp, snapshot and targets, and nothing else', () => {
    const client = new TufClient(new TufSimulator());
    const state = client.refresh();
    expect(client.requests).toEqual(first);
    expect(state.targets.document.targets.has('latest')).toBe(true);
    expect([...client.cache.keys()].sort()).toEqual(['root', 'snapshot', 'targets', 'timestamp']);
    expect(client.warnings).toEqual([]);
  });

  it('asks for nothing it has when nothing changed', () => {
    const client = new TufClient(new TufSimulator());
    client.refresh();
    client.refresh();
    expect(client.requests).toEqual(['2.root.json', 'timestamp.json']);
    expect(client.writes).toEqual([]);
  });
});
