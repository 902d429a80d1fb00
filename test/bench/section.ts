/** One part of the benchmark: what it measures, and how. */
import type { Row } from './measure.ts';
import type { Workshop } from './workshop.ts';

export interface Section {
  readonly name: string;
  readonly title: string;
  /** Rows in the order in which they are printed, as they come. */
  run(workshop: Workshop): AsyncGenerator<Row>;
}
