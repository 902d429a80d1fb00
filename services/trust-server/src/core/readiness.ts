/** Whether the service is ready for requests: the database answers, and nothing is past half-life. */
import type { Database } from '@vidimus/database';
import type { Readiness } from '../service.ts';
import type { Background } from './freshness/background.ts';

/** How often the database is asked whether it is there, at most. */
const readinessMaxAgeMs = 1_000;

/** Probes come often: the database is asked at most once a second. */
export function createReadiness(
  database: Database,
  background: Background,
  now: () => number,
): () => Promise<Readiness> {
  let checkedMs = Number.NEGATIVE_INFINITY;
  let last: Promise<string> = Promise.resolve('unknown');
  return async () => {
    if (Math.abs(now() - checkedMs) >= readinessMaxAgeMs) {
      checkedMs = now();
      last = database.ping().then(
        () => 'ok',
        () => 'unavailable',
      );
    }
    const reached = await last;
    const fresh = background.isReady() ? 'ok' : 'renewing what is past half-life';
    return {
      ready: reached === 'ok' && fresh === 'ok',
      checks: { database: reached, freshness: fresh },
    };
  };
}
