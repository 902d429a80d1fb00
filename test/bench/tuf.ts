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
import { median, processorMsOf, type Row } from './measure.ts';
import type { Section } from './section.ts';

const sizes = [1_000, 20_000, 100_000] as const;
const rounds = 5;
/**
 * By this factor a target may cost more at 100,000 than at 20,000; quadratic work would need 5. 1,000 targets are no
 * base for that: they fit the processor's caches and the collector's nursery, and are 2 to 3 times cheaper each.
 */
const linearFactor = 1.5;
const reachMs = 1_000;

interface Sample {
  readonly size: number;
  readonly context: VerifyContext;
  readonly rootBytes: Uint8Array;
  readonly root: Root;
  readonly bytes: Uint8Array;
}

export const tufSection: Section = {
  name: 'tuf',
  title: 'parse and verify a targets file, processor time',
  async *run() {
    const samples = sizes.map(makeSample);
    for (const sample of samples.slice(0, 2)) verify(sample);
    const times = new Map<number, number[]>(sizes.map((size) => [size, []]));
    for (let round = 0; round < rounds; round += 1) {
      for (const sample of samples) {
        times.get(sample.size)?.push(processorMsOf(() => verify(sample)));
      }
    }
    const [small = Number.NaN, medium = Number.NaN, large = Number.NaN] = sizes.map((size) =>
      median(times.get(size) ?? []),
    );
    yield { what: '1,000 targets', value: inMs(small), reach: 'for information', met: undefined };
    yield {
      what: '20,000 targets',
      value: inMs(medium),
      reach: `< ${reachMs} ms`,
      met: medium < reachMs,
    };
    yield linearRow(large / sizes[2] / (medium / sizes[1]), large);
    yield besideTufJs(samples[0], small);
  },
};

function linearRow(growth: number, ms: number): Row {
  return {
    what: '100,000 targets, time per target against 20,000',
    value: `${growth.toFixed(2)} (${inMs(ms)})`,
    reach: `linear: <= ${linearFactor}`,
    met: growth <= linearFactor,
  };
}

function besideTufJs(sample: Sample | undefined, ms: number): Row {
  if (sample === undefined) throw new Error('no sample');
  const theirs: number[] = [];
  for (let round = 0; round < 3; round += 1) theirs.push(processorMsOf(() => verifyByTufJs(sample)));
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

function inMs(ms: number): string {
  return `${ms.toFixed(ms < 10 ? 2 : 0)} ms`;
}
