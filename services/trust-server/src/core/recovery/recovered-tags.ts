/** Rows of tags that supplied files list otherwise than the backup. */
import type { JsonObject } from '@vidimus/canonical-json';
import { isJsonObject } from '@vidimus/canonical-json';
import type { Queries } from '@vidimus/database';
import { imageNotesOf, REVOCATIONS_ROLE, type Target, type Targets } from '@vidimus/tuf';
import type { Call } from '../../service.ts';
import { toWholeSecond } from '../instants.ts';
import type { TagMoves, Versions } from '../publish/publication.ts';
import type { RepositoryRow } from '../store/repositories.ts';
import { readTags, type TagRow } from '../store/tags.ts';
import type { RecoveryPlan } from './plan-recovery.ts';

/** Undefined where nothing moves. */
export async function recoveredTags(
  tx: Queries,
  row: RepositoryRow,
  before: ReadonlyMap<string, Targets>,
  { documents }: RecoveryPlan,
  { actor }: Pick<Call, 'actor'>,
  nowMs: number,
): Promise<{ readonly tagCount: number; readonly moves: (versions: Versions) => TagMoves } | undefined> {
  const gone = new Set<string>();
  const listed = new Map<string, { readonly role: string; readonly target: Target }>();
  for (const [role, document] of documents) {
    const old = before.get(role);
    if (role === REVOCATIONS_ROLE || old === document) continue;
    for (const path of old?.targets.keys() ?? []) if (!document.targets.has(path)) gone.add(path);
    for (const [path, target] of document.targets) {
      const known = old?.targets.get(path)?.hashes.get('sha256');
      if (known !== target.hashes.get('sha256')) listed.set(path, { role, target });
    }
  }
  for (const tag of listed.keys()) gone.delete(tag);
  if (gone.size + listed.size === 0) return undefined;
  const present = await readTags(tx, row, [...gone, ...listed.keys()]);
  const known = new Set(present.map(({ tag }) => tag));
  const added = [...listed.keys()].filter((tag) => !known.has(tag)).length;
  const removed = [...gone].filter((tag) => known.has(tag)).length;
  return {
    tagCount: row.tagCount + added - removed,
    moves: (versions) => ({
      set: [...listed].flatMap(([, { role, target }]) =>
        toRow(role, target, versions[role] ?? 1, actor, nowMs),
      ),
      remove: [...gone],
    }),
  };
}

function toRow(
  role: string,
  target: Target,
  version: number,
  actor: string,
  nowMs: number,
): readonly TagRow[] {
  const sha256 = target.hashes.get('sha256');
  if (sha256 === undefined) return [];
  const { mediaType, platforms, since } = imageNotesOf(target);
  const custom = withoutNotes(target);
  const isDelegated = role !== 'targets' && !/^b\d+-/.test(role);
  return [
    {
      tag: target.path,
      digest: `sha256:${sha256}`,
      size: target.length,
      ...(mediaType === undefined ? {} : { mediaType }),
      ...(platforms === undefined ? {} : { platforms }),
      ...(custom === undefined ? {} : { custom }),
      sinceMs: since ?? toWholeSecond(nowMs),
      sinceVersion: version,
      actor,
      ...(isDelegated ? { listedBy: role } : {}),
    },
  ];
}

function withoutNotes({ custom }: Target): JsonObject | undefined {
  if (!isJsonObject(custom)) return undefined;
  const { vidimus: _, ...others } = custom;
  return Object.keys(others).length === 0 ? undefined : others;
}
