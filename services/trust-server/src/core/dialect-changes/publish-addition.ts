/** The first publish of a dialect that an existing repository is given: it lists every tag from its first version on. */
import type { Queries } from '@vidimus/database';
import type { Draft, Target, Targets } from '@vidimus/tuf';
import type { EventDraft } from '../audit/event-chain.ts';
import { type FirstPart, toFirstPart } from '../changes/first-publish.ts';
import type { DialectPart, Published } from '../publish/publication.ts';
import { publish } from '../publish/publication.ts';
import type { RepositoryRow } from '../store/repositories.ts';
import type { RepositorySettings } from '../store/repository-settings.ts';
import type { DialectParts } from './dialect-parts.ts';

export interface Addition {
  readonly first: FirstPart;
  /** What the new dialect lists. */
  readonly tags: ReadonlyMap<string, Target>;
  /** The dialect that is there: its timestamp follows, one publish advances every dialect. */
  readonly present: DialectPart;
  /** As they are from now on. */
  readonly settings: RepositorySettings;
  readonly event: Omit<EventDraft, 'versions'>;
}

/** The caller holds the lock of `row`. @throws TrustError DIALECTS_DISAGREE, SIGNER_UNAVAILABLE */
export async function publishAddition(
  parts: Pick<DialectParts, 'keys' | 'newId'>,
  tx: Queries,
  row: RepositoryRow,
  { first, tags, present, settings, event }: Addition,
): Promise<{ readonly row: RepositoryRow; readonly published: Published }> {
  const signerOf = await parts.keys.signers(tx, row, settings.managed);
  const added = withTags(await toFirstPart(row.repository, first, signerOf), tags);
  const dialects = ['tuf', 'notary'] as const;
  const published = await publish(tx, {
    at: row,
    managed: new Set(settings.managed),
    signerOf,
    parts: added.dialect === 'tuf' ? [added, present] : [present, added],
    events: (versions) => [{ ...event, versions }],
    move: { dialects, settings },
    compare: tags.keys(),
    newId: parts.newId,
  });
  return { row: { ...row, dialects, settings, log: published.log }, published };
}

function withTags(part: DialectPart, tags: ReadonlyMap<string, Target>): DialectPart {
  const targets = new Map<string, Draft<Targets>>();
  for (const [role, draft] of part.targets ?? []) {
    targets.set(role, role === 'targets' ? { ...draft, targets: tags } : draft);
  }
  return { ...part, targets };
}
