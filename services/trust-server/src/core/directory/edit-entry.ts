/** `PUT` and `DELETE …/entries/<pattern>`: one target of the directory, signed by whoever holds its targets keys. */
import { encodeCanonical, isJsonObject, type JsonObject, type JsonValue } from '@vidimus/canonical-json';
import type { Queries } from '@vidimus/database';
import { DIRECTORY_NAME } from '@vidimus/reference';
import { contradictedBy, type Target, TufError, toDirectoryTarget } from '@vidimus/tuf';
import type { PutEntry } from '../../schemas/index.ts';
import { type Call, TrustError } from '../../service.ts';
import type { DialectParts } from '../dialect-changes/dialect-parts.ts';
import { carryOut } from '../edits/carry-out.ts';
import type { Carried, EditPlan } from '../edits/edit-plan.ts';
import { assertBaseOf } from '../publish/assert-base.ts';
import { readCurrent } from '../publish/current-documents.ts';
import { assertActive } from '../publish/publisher.ts';
import { headsIn, readHeads } from '../store/metadata.ts';
import { lockLive, type RepositoryRow } from '../store/repositories.ts';

/** Most entries of a directory: every client reads all of them. */
const maxEntries = 10_000;

/** Without a body the entry is taken away. */
export interface EntryEdit {
  readonly pattern: string;
  readonly body?: PutEntry;
}

/** `same`: the entry already says so. */
type Edited = Carried | { readonly outcome: 'same' };

/** @throws TrustError as `carryOut`, and REPOSITORY_UNKNOWN, METADATA_UNKNOWN, BODY_INVALID, VERSION_CONFLICT */
export async function editEntry(parts: DialectParts, call: Call, edit: EntryEdit): Promise<Edited> {
  const target = edit.body === undefined ? undefined : toTarget(edit.pattern, edit.body);
  return await parts.database.transaction(async (tx) => {
    const row = assertActive(DIRECTORY_NAME, await lockLive(tx, DIRECTORY_NAME));
    await assertBaseOf(tx, row, call.ifMatch);
    const plan = await planEntry(parts, tx, row, edit, target);
    return plan === undefined ? { outcome: 'same' } : await carryOut(parts, tx, row, call, plan);
  });
}

async function planEntry(
  { reader }: DialectParts,
  tx: Queries,
  row: RepositoryRow,
  { pattern, body }: EntryEdit,
  target: Target | undefined,
): Promise<EditPlan | undefined> {
  const { targets } = await readCurrent(reader, tx, row, headsIn(await readHeads(tx, row), 'tuf'));
  const before = targets.targets.get(pattern);
  if (target === undefined) assertThere(pattern, before);
  else if (isSame(before, target)) return undefined;
  else assertFits(targets.targets, pattern);
  const what = target === undefined ? `take the entry ${pattern} away` : `entry ${pattern}`;
  const value = (entry: Target | undefined): JsonObject | undefined =>
    entry === undefined ? undefined : { pattern, entry: entry.custom ?? null };
  const [was, is] = [value(before), value(target)];
  return {
    kind: 'directory',
    summary: `directory: ${what}`,
    diff: [
      {
        role: 'targets',
        what,
        ...(before === undefined ? {} : { before: text(before.custom) }),
        ...(target === undefined ? {} : { after: text(target.custom) }),
      },
    ],
    request: {
      method: body === undefined ? 'DELETE' : 'PUT',
      path: `/v2/${DIRECTORY_NAME}/_trust/entries/${encodeURIComponent(pattern)}`,
      body: body ?? null,
    },
    parts: [
      {
        dialect: 'tuf',
        edit: {
          targets: new Map([['targets', target === undefined ? { remove: [pattern] } : { set: [target] }]]),
        },
      },
    ],
    event: {
      action: target === undefined ? 'directory.remove' : 'directory.put',
      ...(was === undefined ? {} : { before: was }),
      ...(is === undefined ? {} : { after: is }),
    },
  };
}

/** @throws TrustError METADATA_UNKNOWN */
function assertThere(pattern: string, before: Target | undefined): void {
  if (before !== undefined) return;
  throw new TrustError('METADATA_UNKNOWN', 'the directory has no such entry', { pattern });
}

/** @throws TrustError BODY_INVALID for one entry too many, or one that would silence another */
function assertFits(entries: ReadonlyMap<string, Target>, pattern: string): void {
  const twin = contradictedBy(entries.keys(), pattern);
  if (twin !== undefined) {
    const message = `the entry ${twin} is as specific and matches the same repositories: neither would count`;
    throw new TrustError('BODY_INVALID', message, { pattern, other: twin });
  }
  if (entries.has(pattern) || entries.size < maxEntries) return;
  throw new TrustError('BODY_INVALID', `a directory has at most ${maxEntries} entries`, { most: maxEntries });
}

/** @throws TrustError BODY_INVALID */
function toTarget(pattern: string, body: PutEntry): Target {
  try {
    return toDirectoryTarget(pattern, toJson(body));
  } catch (cause) {
    if (!(cause instanceof TufError)) throw cause;
    throw new TrustError('BODY_INVALID', cause.message, cause.detail, { cause });
  }
}

/** The entry as it is signed: what was asked for, without members that say nothing. */
function toJson({ roots, trustServer, recovery }: PutEntry): JsonObject {
  const dialects = Object.entries(roots).flatMap(([dialect, keys]) =>
    keys === undefined ? [] : [[dialect, { keyIds: keys.keyIds, threshold: keys.threshold }] as const],
  );
  return {
    roots: Object.fromEntries(dialects),
    ...(trustServer === undefined ? {} : { trustServer }),
    ...(recovery === undefined ? {} : { recovery: { keys: recovery.keys, threshold: recovery.threshold } }),
  };
}

function isSame(before: Target | undefined, after: Target): boolean {
  return before?.hashes.get('sha256') === after.hashes.get('sha256');
}

function text(entry: JsonValue | undefined): string {
  return isJsonObject(entry) ? Buffer.from(encodeCanonical(entry)).toString('utf8') : '';
}
