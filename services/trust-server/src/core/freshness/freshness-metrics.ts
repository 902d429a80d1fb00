/** Counts what freshness did, for /metrics. */
import { Counter, type Registry } from 'prom-client';
import type { TrustObserver } from '../create-trust-service.ts';

/** An observer that counts; put others beside it by calling both. */
export function createFreshnessMetrics(registry: Registry): TrustObserver {
  const registers = [registry];
  const renewed = new Counter({
    name: 'vidimus_roles_renewed_total',
    help: 'Roles signed anew before they expire.',
    registers,
  });
  const blocked = new Counter({
    name: 'vidimus_roles_blocked_total',
    help: 'Roles found due whose parent has expired, so that they go on ageing.',
    registers,
  });
  const expired = new Counter({
    name: 'vidimus_roles_expired_total',
    help: 'Files that their own signers let expire, and that are served as they are.',
    registers,
  });
  const failed = new Counter({
    name: 'vidimus_renewals_failed_total',
    help: 'Repositories that could not be renewed in one round.',
    registers,
  });
  const stale = new Counter({
    name: 'vidimus_metadata_stale_reads_total',
    help: 'Reads answered from memory because the database could not be asked.',
    registers,
  });
  return {
    renewed: (_, roles) => renewed.inc(roles.length),
    blocked: (_, roles) => blocked.inc(roles.length),
    expired: (_, roles) => expired.inc(roles.length),
    failed: () => failed.inc(),
    stale: () => stale.inc(),
    roundFailed: () => failed.inc(),
  };
}
