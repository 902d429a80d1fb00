/** What of a history is here already, and whether it may be added to. */
import type { Queries } from '@vidimus/database';
import type { RepositoryRow } from '../store/repositories.ts';
import { ImportRefused } from './import-outcome.ts';
import { readKnownVersions } from './store-history.ts';
import { type StoredVersion, type StoredVersions, versionName } from './stored-versions.ts';
import type { CurrentState } from './verify-current.ts';

/** A repository before a run. */
export interface Standing {
  readonly row: RepositoryRow | undefined;
  /** Hex SHA-256 by `versionName`. */
  readonly known: ReadonlyMap<string, string>;
  /** The highest version that is here, by role. */
  readonly newest: ReadonlyMap<string, number>;
  /** It was final before: nothing of the source's metadata is added any more. */
  readonly wasFinal: boolean;
  /** The newest root of the source is the newest here. */
  readonly hasSameRoot: boolean;
}

/** @throws ImportRefused REPOSITORY_EXISTS, HISTORY_CHANGED, SOURCE_WENT_ON */
export async function readStanding(
  tx: Queries,
  row: RepositoryRow | undefined,
  stored: StoredVersions,
  current: CurrentState,
): Promise<Standing> {
  if (row === undefined)
    return { row, known: new Map(), newest: new Map(), wasFinal: false, hasSameRoot: true };
  const { migration } = row.settings;
  if (migration === undefined) {
    throw new ImportRefused({
      code: 'REPOSITORY_EXISTS',
      message: 'a repository of this name is here that did not come from there',
    });
  }
  const known = await readKnownVersions(tx, row);
  const newest = newestVersions(known);
  const changed = findChanged(stored, current, known, migration.final ? newest : undefined);
  if (changed !== undefined) throw migration.final ? wentOn(changed) : historyChanged(changed);
  const root = current.root.document.version;
  return { row, known, newest, wasFinal: migration.final, hasSameRoot: newest.get('root') === root };
}

/** Every publish of a Notary server makes a timestamp. */
const tellingRoles: ReadonlySet<string> = new Set(['root', 'timestamp']);

/** The first version that is another one here; with `newest`, also one that was published after those. */
function findChanged(
  stored: StoredVersions,
  current: CurrentState,
  known: ReadonlyMap<string, string>,
  newest: ReadonlyMap<string, number> | undefined,
): StoredVersion | undefined {
  const read = new Map(
    current.files.map(({ role, version, sha256 }) => [versionName(role, version), sha256]),
  );
  for (const rows of stored.byRole.values()) {
    for (const row of rows) {
      const name = versionName(row.modelRole, row.version);
      const here = known.get(name);
      const there = read.get(name) ?? row.sha256?.toLowerCase();
      if (here !== undefined && there !== undefined && here !== there) return row;
      const isLater = here === undefined && row.version > (newest?.get(row.modelRole) ?? row.version);
      if (isLater && tellingRoles.has(row.modelRole)) return row;
    }
  }
  return undefined;
}

function newestVersions(known: ReadonlyMap<string, string>): ReadonlyMap<string, number> {
  const newest = new Map<string, number>();
  for (const name of known.keys()) {
    const at = name.lastIndexOf(' ');
    const role = name.slice(0, at);
    newest.set(role, Math.max(newest.get(role) ?? 0, Number(name.slice(at + 1))));
  }
  return newest;
}

function historyChanged({ modelRole: role, version }: StoredVersion): ImportRefused {
  const message = `version ${version} of ${role} is not what it was in an earlier run: was the repository made anew there?`;
  return new ImportRefused({ code: 'HISTORY_CHANGED', message, role });
}

function wentOn({ modelRole: role, version }: StoredVersion): ImportRefused {
  const message = `it is final here, and version ${version} of ${role} was published there afterwards`;
  return new ImportRefused({ code: 'SOURCE_WENT_ON', message, role });
}
