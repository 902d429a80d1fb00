/**
 * Calls that were refused, in the log: of the repository they named, where there is one, else of the service. Whoever
 * repeats a refused call must not fill the disk: repetitions are counted and told together.
 */
import type { Database, Queries } from '@vidimus/database';
import type { Refusal } from '../../service.ts';
import { lockLive } from '../store/repositories.ts';
import { appendEvents } from './append-events.ts';
import { appendServiceEvents } from './append-service-events.ts';
import type { EventDraft } from './event-chain.ts';

/** Refusals alike within this time are one event, or two: the first, and how many followed. */
export const refusalWindowMs = 10 * 60_000;
/** Events about the refusals of one caller in an hour; what goes beyond is in metrics and logs alone. */
export const maxRefusalEvents = 100;
const hourMs = 60 * 60_000;
/** Kinds of refusals, and callers, remembered at a time. */
const maxRemembered = 10_000;

export interface RefusalParts {
  readonly database: Database;
  readonly now: () => number;
  readonly newId: () => string;
  /** Hears why an event could not be written; may not throw. */
  readonly onError?: (error: unknown) => void;
}

export interface RefusalRecorder {
  /** Resolves when the refusal is written or counted; never throws. */
  record(refusal: Refusal): Promise<void>;
  /** Tells what has only been counted, of windows that are over; with `all`, of every one. */
  flush(all?: 'all'): Promise<void>;
}

interface Counted {
  readonly refusal: Refusal;
  readonly sinceMs: number;
  /** Not yet told. */
  untold: number;
}

export function createRefusalRecorder(parts: RefusalParts): RefusalRecorder {
  /** Owned by this object; both are bounded, and emptied as their time passes. */
  const counted = new Map<string, Counted>();
  const budgets = new Map<string, { readonly sinceMs: number; told: number }>();
  /** One event at a time: refusals never take more than one connection. */
  let writing: Promise<void> = Promise.resolve();

  const tell = (refusal: Refusal, count: number): Promise<void> => {
    if (!spend(refusal.actor)) return Promise.resolve();
    writing = writing.then(() => write(parts, refusal, count)).catch((error) => parts.onError?.(error));
    return writing;
  };
  const spend = (actor: string): boolean => {
    const nowMs = parts.now();
    const budget = budgets.get(actor);
    if (budget === undefined || nowMs - budget.sinceMs >= hourMs) {
      if (budget === undefined && budgets.size >= maxRemembered) forgetOld(budgets, nowMs - hourMs);
      if (budget === undefined && budgets.size >= maxRemembered) return false;
      budgets.set(actor, { sinceMs: nowMs, told: 1 });
      return true;
    }
    budget.told += 1;
    return budget.told <= maxRefusalEvents;
  };
  const flush = async (isDue: (entry: Counted) => boolean): Promise<void> => {
    for (const [key, entry] of [...counted]) {
      if (!isDue(entry)) continue;
      counted.delete(key);
      if (entry.untold > 0) await tell(entry.refusal, entry.untold);
    }
    await writing;
  };

  return {
    async record(refusal) {
      const nowMs = parts.now();
      const key = JSON.stringify([
        refusal.actor,
        refusal.repository,
        refusal.method,
        refusal.route,
        refusal.code,
      ]);
      const entry = counted.get(key);
      if (entry !== undefined && nowMs - entry.sinceMs < refusalWindowMs) {
        entry.untold += 1;
        return;
      }
      if (counted.size >= maxRemembered) await flush(({ sinceMs }) => nowMs - sinceMs >= refusalWindowMs);
      if (counted.size >= maxRemembered) return;
      counted.set(key, { refusal, sinceMs: nowMs, untold: 0 });
      await tell(refusal, (entry?.untold ?? 0) + 1);
    },
    flush(all) {
      const nowMs = parts.now();
      return flush(({ sinceMs }) => all === 'all' || nowMs - sinceMs >= refusalWindowMs);
    },
  };
}

function forgetOld(budgets: Map<string, { readonly sinceMs: number }>, beforeMs: number): void {
  for (const [actor, { sinceMs }] of budgets) if (sinceMs <= beforeMs) budgets.delete(actor);
}

async function write(parts: RefusalParts, refusal: Refusal, count: number): Promise<void> {
  await parts.database.transaction(async (tx: Queries) => {
    const nowMs = parts.now();
    const { repository } = refusal;
    const row = repository === undefined ? undefined : await lockLive(tx, repository);
    if (row !== undefined) await appendEvents(parts, tx, row, [toEvent(refusal, count)], nowMs);
    else await appendServiceEvents(parts, tx, [toEvent(refusal, count, repository)], nowMs);
  });
}

/** @param unknown the name of a repository that there is not */
function toEvent(
  { actor, requestId, method, route, code }: Refusal,
  count: number,
  unknown?: string,
): EventDraft {
  const named = unknown === undefined ? {} : { repository: unknown };
  const after = { method, route, code, ...named, ...(count === 1 ? {} : { count }) };
  return { action: 'call.refused', actor, requestId, result: 'refused', after };
}
