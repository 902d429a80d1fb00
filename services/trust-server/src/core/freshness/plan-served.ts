/**
 * Renewal where a Notary client holds root and targets: timestamp, and snapshot if the service signs it. What the
 * client signed and let expire is served as it is: the service can only say so.
 */
import { isDeepStrictEqual } from 'node:util';
import type { JsonObject } from '@vidimus/canonical-json';
import type { Queries } from '@vidimus/database';
import type { EditTerms } from '@vidimus/tuf';
import type { EventDraft } from '../audit/event-chain.ts';
import type { StateReader } from '../notary/stored-state.ts';
import { stateAfter } from '../notary/update.ts';
import { lastEventOf } from '../store/events.ts';
import { byService, type DuePlace, type RenewalPlan } from './renewal-plan.ts';

const action = 'role.expired';
/** Roles that clients cannot do without; root is what the service waits for. */
const clientRoles = ['targets', 'snapshot'];

export async function planServed(
  { states }: { readonly states: StateReader },
  tx: Queries,
  place: DuePlace,
): Promise<RenewalPlan> {
  const { row, dialect, heads, nowMs } = place;
  const state = await states.read(tx, row, heads);
  const due = place.due.map(({ role }) => role);
  const parents: JsonObject = { [dialect]: { root: state.root.version } };
  const isDead = state.root.expires <= nowMs;
  const terms: EditTerms = {
    repository: row.repository,
    nowMs,
    lifetimesMs: new Map(Object.entries(row.settings.lifetimesMs)),
    highest: new Map(Array.from(heads, ([role, head]) => [role, head.version])),
  };
  return {
    dialect,
    roles: isDead ? [] : due,
    blocked: isDead ? due : [],
    parents,
    ...(isDead ? {} : await tellExpired(tx, place)),
    toPart: async () => ({ dialect, base: state, terms, renewSnapshot: due.includes('snapshot') }),
    committed: (published) => {
      states.remember(row, stateAfter(state, published, state.root, state.images));
    },
  };
}

/** Said once for each version of a file, however often timestamp is renewed above it. */
async function tellExpired(
  tx: Queries,
  { row, heads, nowMs }: DuePlace,
): Promise<Pick<RenewalPlan, 'expired' | 'events'>> {
  const expired = clientRoles.flatMap((role) => {
    const head = heads.get(role);
    return head !== undefined && head.resignAfterMs === undefined && head.expiresMs <= nowMs ? [head] : [];
  });
  if (expired.length === 0) return {};
  const after: JsonObject = Object.fromEntries(expired.map(({ role, version }) => [role, version]));
  const last = await lastEventOf(tx, row, action);
  if (last !== undefined && isDeepStrictEqual(last.event.after, after)) return {};
  const event: EventDraft = { ...byService, action, result: 'done', after };
  return { expired: expired.map(({ role }) => role), events: [event] };
}
