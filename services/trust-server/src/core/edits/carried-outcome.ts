/** What an edit came to, as callers of the service are answered. */
import type { Impact } from '../../schemas/index.ts';
import type { Call, Outcome } from '../../service.ts';
import { toChange } from '../changes/change-answer.ts';
import { impactOf } from '../outcomes.ts';
import type { Versions } from '../publish/publication.ts';
import type { Carried } from './edit-plan.ts';

/** @param toBody - the body of the answer when it took effect; asked after the commit, and in a dry run */
export async function toOutcome<Body>(
  call: Call,
  carried: Carried,
  nowMs: number,
  toBody: (versions: Versions) => Promise<Body>,
): Promise<Outcome<Body>> {
  if (carried.outcome === 'published') {
    return { outcome: 'done', body: await toBody(carried.published.versions) };
  }
  if (carried.outcome === 'change') {
    const change = toChange(carried.change, carried.managed, nowMs);
    return { outcome: 'change', change, ...(call.dryRun === true && { impact: impactOf(change) }) };
  }
  const { change, managed, diff, versions } = carried;
  const impact: Impact = { diff: [...diff], versions: { ...versions } };
  return change === undefined
    ? { outcome: 'done', body: await toBody(versions), impact }
    : { outcome: 'change', change: toChange(change, managed, nowMs), impact };
}
