/** What the caller of an intent learns. */
import { REVOCATIONS_ROLE } from '@vidimus/tuf';
import type { Impact } from '../../schemas/index.ts';
import type { TrustError } from '../../service.ts';
import type { RoleHeads } from '../store/metadata.ts';
import { headOf } from './current-documents.ts';
import type { IntentAnswer, OpenedChange, Verdict } from './intents.ts';
import type { Versions } from './publication.ts';

/** @param change - what waits for others, where something does */
export function toOutcome(
  verdict: Verdict,
  versions: Versions,
  change?: OpenedChange,
): IntentAnswer | TrustError {
  if (verdict.refused !== undefined) return verdict.refused;
  const impact: Impact = { diff: [...verdict.diff], versions };
  return {
    tags: verdict.tags,
    stillServed: verdict.stillServed ?? [],
    versions,
    impact,
    changesNothing: verdict.diff.length === 0,
    ...(change === undefined ? {} : { change }),
  };
}

/** What an edit that changes nothing answers. */
export function currentVersions(heads: RoleHeads): Versions {
  const names = ['targets', REVOCATIONS_ROLE, 'snapshot', 'timestamp'];
  return Object.fromEntries(names.map((role) => [role, headOf(heads, role).version]));
}
