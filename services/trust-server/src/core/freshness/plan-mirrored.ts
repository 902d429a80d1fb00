/** Renewal of a mirrored dialect: only while what it repeats is valid for the clients of the other one. */
import type { Queries } from '@vidimus/database';
import { deadlineOf, readSource } from '../dialect-changes/mirror-source.ts';
import type { ManagedKeys } from '../keys/managed-keys.ts';
import type { StateReader } from '../notary/stored-state.ts';
import type { DocumentReader } from '../publish/current-documents.ts';
import { planManaged } from './plan-managed.ts';
import type { DuePlace, RenewalPlan } from './renewal-plan.ts';

interface Parts {
  readonly reader: DocumentReader;
  readonly states: StateReader;
  readonly keys: ManagedKeys;
}

export async function planMirrored(parts: Parts, tx: Queries, place: DuePlace): Promise<RenewalPlan> {
  const plan = await planManaged(parts, tx, place);
  const source = await readSource(parts.states, tx, place.row);
  if (source.documents.has('targets') && deadlineOf(source) > place.nowMs) return plan;
  const targets = source.documents.get('targets')?.version ?? 0;
  return {
    ...plan,
    roles: [],
    blocked: [...plan.roles, ...plan.blocked],
    parents: { ...plan.parents, source: { root: source.state.root.version, targets } },
  };
}
