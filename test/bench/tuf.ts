/** Parse and verify of targets files: linear, and beside tuf-js. */
import { Metadata, MetadataKind } from '@tufjs/models';
import {
  DEFAULT_LIMITS,
  type Root,
  tufDialect,
  type VerifyContext,
  verifyRoot,
  verifyTopLevel,
} from '@vidimus/tuf';
import { TufSimulator } from '../support/tuf-simulator.ts';
import { median, millisecondsOf, type Row } from './measure.ts';
import type { Section } from './section.ts';

const sizes = [1_000, 20_000, 100_000] as const;
const rounds = 5;
/** Time a target may grow with the size by this factor: caches and the collector are not free. */
const linearFactor = 2;

interface Sample {
  readonly size: number;
  readonly context: VerifyContext;
  readonly rootBytes: Uint8Array;
  readonly root: Root;
  readonly bytes: Uint8Array;
}

export const tufSection: Section = {
  name: 'tuf',
  title: 'parse and verify a targets file',
  async *run() {
    const samples = sizes.map(makeSample);
    for (const sample of samples.slice(0, 2)) verify(sample);
    const times = new Map<number, number[]>(sizes.map((size) => [size, []]));
    for (let round = 0; round < rounds; round += 1) {
      for (const sample of samples) {
        times.get(sample.size)?.push(await millisecondsOf(() => verify(sample)));
      }
    }
    const medians = samples.map(({ size }) => ({ size, ms: median(times.get(size) ?? []) }));
    const base = medians[0];
    if (base === undefined) return;
    for (const { size, ms } of medians) {
      yield size === base.size ? sizeRow(size, ms) : linearRow(size, ms, base.ms / base.size);
    }
    yield await besideTufJs(samples[0], base.ms);
  },
};

function sizeRow(size: number, ms: number): Row {
  return { what: `${count(size)} targets`, value: inMs(ms), reach: 'for information', met: undefined };
}

function linearRow(size: number, ms: number, basePerTarget: number): Row {
  const growth = ms / size / basePerTarget;
  return {
    what: `${count(size)} targets, time per target against 1,000`,
    value: `${growth.toFixed(2)} (${inMs(ms)})`,
    reach: `linear: <= ${linearFactor}`,
    met: growth <= linearFactor,
  };
}

async function besideTufJs(sample: Sample | undefined, ms: number): Promise<Row> {
  if (sample === undefined) throw new Error('no sample');
  const theirs: number[] = [];
  for (let round = 0; round < 3; round += 1) theirs.push(await millisecondsOf(() => verifyByTufJs(sample)));
  return {
    what: 'tuf-js : ours, 1,000 targets',
    value: `${(median(theirs) / ms).toFixed(1)} (${inMs(median(theirs))})`,
    reach: 'for information',
    met: undefined,
  };
}

function verify({ context, root, bytes, size }: Sample): void {
  const { document } = verifyTopLevel(context, root, 'targets', bytes);
  if (document.targets.size !== size) throw new Error('targets are missing');
}

function verifyByTufJs({ rootBytes, bytes }: Sample): void {
  const root = Metadata.fromJSON(MetadataKind.Root, JSON.parse(new TextDecoder().decode(rootBytes)));
  const targets = Metadata.fromJSON(MetadataKind.Targets, JSON.parse(new TextDecoder().decode(bytes)));
  root.verifyDelegate('targets', targets);
}

function makeSample(size: number): Sample {
  const simulator = new TufSimulator();
  const document = simulator.document('targets');
  document['targets'] = Object.fromEntries(
    Array.from({ length: size }, (_, i) => [
      `v1.${i}.0`,
      { length: 1_234, hashes: { sha256: i.toString(16).padStart(64, 'a') } },
    ]),
  );
  simulator.next('targets');
  const { repository } = simulator;
  const context = { dialect: tufDialect, repository, foreign: false, limits: DEFAULT_LIMITS };
  const rootBytes = simulator.bytes('root');
  const root = verifyRoot(context, rootBytes).document;
  return { size, context, rootBytes, root, bytes: simulator.bytes('targets') };
}

function count(size: number): string {
  return size.toLocaleString('en-US');
}

function inMs(ms: number): string {
  return `${ms.toFixed(ms < 10 ? 2 : 0)} ms`;
}
