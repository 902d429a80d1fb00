/** How replicas hear that a repository changed: by NOTIFY, when the transaction commits. */
import { notify, type Queries } from '@vidimus/database';
import type { Incarnation } from '../store/metadata.ts';

/** The channel all replicas listen on. */
export const PUBLISHED_CHANNEL = 'trust_published';

/** What is said: the timestamp that is current now, version 0 for a repository that has ended. */
export interface Announcement extends Incarnation {
  readonly version: number;
}

/** Announces within the transaction. */
export async function announce(
  tx: Queries,
  { repository, incarnation, version }: Announcement,
): Promise<void> {
  await notify(tx, PUBLISHED_CHANNEL, `${repository} ${incarnation} ${version}`);
}

/** Reads a payload; undefined for one that this program does not understand. */
export function parseAnnouncement(payload: string): Announcement | undefined {
  const [, repository, incarnation, version] = /^(\S+) ([0-9]{1,9}) ([0-9]{1,16})$/.exec(payload) ?? [];
  if (repository === undefined) return undefined;
  return { repository, incarnation: Number(incarnation), version: Number(version) };
}
