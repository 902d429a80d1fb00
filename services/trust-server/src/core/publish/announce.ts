/** How replicas hear that a repository changed: by NOTIFY, when the transaction commits. */
import { notify, type Queries } from '@vidimus/database';
import type { DialectName } from '@vidimus/tuf';
import type { Incarnation } from '../store/metadata.ts';

/** The channel all replicas listen on. */
export const PUBLISHED_CHANNEL = 'trust_published';

/** What is said: the timestamps that were published, none for a repository that has ended. */
export interface Announcement extends Incarnation {
  readonly versions: Readonly<Partial<Record<DialectName, number>>>;
}

/** Announces within the transaction. */
export async function announce(tx: Queries, announcement: Announcement): Promise<void> {
  await notify(tx, PUBLISHED_CHANNEL, printAnnouncement(announcement));
}

/** The payload. `tuf` is written without its name, as earlier programs read it. */
export function printAnnouncement({
  repository,
  incarnation,
  versions: { tuf, notary },
}: Announcement): string {
  const told = [tuf ?? (notary === undefined ? 0 : undefined), notary && `notary:${notary}`];
  const words = told.filter((word) => word !== undefined).join(' ');
  return `${repository} ${incarnation} ${words}`;
}

const payloadForm = /^(\S+) ([0-9]{1,9})(?: ([0-9]{1,16}))?(?: notary:([0-9]{1,16}))?$/;

/** Reads a payload; undefined for one that this program does not understand. */
export function parseAnnouncement(payload: string): Announcement | undefined {
  const [, repository, incarnation, tuf, notary] = payloadForm.exec(payload) ?? [];
  if (repository === undefined || (tuf ?? notary) === undefined) return undefined;
  const versions = {
    ...(tuf === undefined || Number(tuf) === 0 ? {} : { tuf: Number(tuf) }),
    ...(notary === undefined ? {} : { notary: Number(notary) }),
  };
  return { repository, incarnation: Number(incarnation), versions };
}
