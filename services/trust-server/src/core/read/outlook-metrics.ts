/** What is ahead, for /metrics: labels are codes and kinds, never names of repositories. */
import { Gauge, type Registry } from 'prom-client';
import type { TrustObserver } from '../create-trust-service.ts';
import { problemCodes } from './problems.ts';

/** An observer that keeps the last look; without one yet, the gauges have no values. */
export function createOutlookMetrics(registry: Registry): Pick<TrustObserver, 'outlook'> {
  const registers = [registry];
  const expiry = new Gauge({
    name: 'vidimus_nearest_expiry_timestamp_seconds',
    help: 'When the first current file ends, by who signs it anew: the service, or the holders of its keys.',
    labelNames: ['renewed_by'],
    registers,
  });
  const problems = new Gauge({
    name: 'vidimus_repositories_with_problem',
    help: 'Repositories that have a problem of this code.',
    labelNames: ['code'],
    registers,
  });
  const plain = (name: string, help: string) =>
    // Gauges without labels would show 0 before anybody has looked.
    new Gauge({ name, help, labelNames: ['state'], registers });
  const repositories = plain('vidimus_repositories', 'Repositories, by whether they have any problem.');
  const changes = plain('vidimus_changes', 'Changes that wait for signatures or approvals.');
  return {
    outlook: (seen) => {
      expiry.reset();
      for (const [by, ms] of seen.nearestExpiryMs) expiry.set({ renewed_by: by }, ms / 1_000);
      for (const code of problemCodes) problems.set({ code }, seen.withProblem.get(code) ?? 0);
      repositories.set({ state: 'ok' }, seen.ok);
      repositories.set({ state: 'problem' }, seen.repositories - seen.ok);
      changes.set({ state: 'open' }, seen.openChanges);
    },
  };
}
