/** What edits answer: done, or waiting for signatures; a dry run says so and adds what it would do. */
import type { Change, Impact } from '../schemas/index.ts';
import type { Call, Done, Pending } from '../service.ts';

/** The edit took effect. */
export function done<Body>(call: Call, body: Body, impact: Impact): Done<Body> {
  return call.dryRun === true ? { outcome: 'done', body, impact } : { outcome: 'done', body };
}

/** An edit that waits for signatures. */
export function pending(call: Call, change: Change): Pending {
  return call.dryRun === true
    ? { outcome: 'change', change, impact: impactOf(change) }
    : { outcome: 'change', change };
}

/** What a change would publish of itself; what the service adds at publication has no version yet. */
export function impactOf({ diff, documents }: Change): Impact {
  return { diff, versions: Object.fromEntries(documents.map(({ role, version }) => [role, version])) };
}
