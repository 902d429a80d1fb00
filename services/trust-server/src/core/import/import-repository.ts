/**
 * Brings a repository over from another Notary server: everything that its clients were told, byte for byte, and the
 * keys that go on signing it. In one transaction, so that there is either all of it or nothing; it can be run again
 * and then adds what is new. Until the run that is said to be final the other server signs, and this one only reads.
 */
import { isJsonObject, type JsonObject, type JsonValue } from '@vidimus/canonical-json';
import { type Database, lockUntilCommit, type Queries } from '@vidimus/database';
import type { WrappedKey, WrappedKeyStore } from '@vidimus/key-store';
import { DIRECTORY_NAME, isRepositoryName } from '@vidimus/reference';
import { TufError, type VerifyContext } from '@vidimus/tuf';
import type { ChangeRecord } from '../../notary-service.ts';
import { TrustError } from '../../service.ts';
import { appendEvents } from '../audit/append-events.ts';
import { indexRoleKeys } from '../keys-index/role-keys.ts';
import {
  compareImages,
  type Images,
  type MovedImage,
  toEvents,
  toImage,
  toImages,
  toTagMoves,
} from '../notary/images.ts';
import { newNotaryRow } from '../notary/notary-repository.ts';
import { contextOf } from '../notary/stored-state.ts';
import { announce } from '../publish/announce.ts';
import { isSignable } from '../publish/publication.ts';
import { resignAfter } from '../publish/resign-after.ts';
import { scheduleHeads } from '../store/metadata.ts';
import { insertRepository, lastIncarnation, lockLive, type RepositoryRow } from '../store/repositories.ts';
import { deleteTags, readAllTags, TAG_ROLE, writeTags } from '../store/tags.ts';
import type { LeftOut, RepositoryHistory } from './history.ts';
import { heldElsewhere, servedKeyIds, servedRoles, storeKeys, takeKeys } from './import-keys.ts';
import { type ImportedState, type ImportOutcome, ImportRefused } from './import-outcome.ts';
import { readStanding, type Standing } from './standing.ts';
import { appendChanges, createVersionWriter, writeHeads } from './store-history.ts';
import { type StoredVersions, sortVersions, versionName } from './stored-versions.ts';
import { type CurrentState, type HistoryFile, verifyCurrent } from './verify-current.ts';
import { verifyOlder } from './verify-older.ts';

export interface ImportParts {
  readonly database: Database;
  readonly keyStore: WrappedKeyStore;
  /** Milliseconds since 1970. */
  readonly now: () => number;
  readonly newId: () => string;
}

export interface ImportCall {
  /** As the audit log names who did it. */
  readonly actor: string;
  readonly requestId: string;
  /** The other server has stopped: from now on this one signs, and takes uploads. */
  readonly final: boolean;
}

/** Never throws for what the source holds. @throws DatabaseError, KeyStoreError, and what the history throws */
export async function importRepository(
  parts: ImportParts,
  call: ImportCall,
  history: RepositoryHistory,
): Promise<ImportOutcome> {
  const { repository } = history;
  try {
    assertName(repository);
    const context = contextOf(repository);
    const nowMs = parts.now();
    const stored = sortVersions(history);
    const current = await verifyCurrent(context, history, stored, nowMs);
    const run = { parts, call, history, context, stored, current, nowMs };
    return await parts.database.transaction(async (tx) => {
      // There may be no row to lock yet; whoever creates the name waits here, too.
      await lockUntilCommit(tx, `trust_repositories.create ${repository}`);
      return await importIn(run, tx);
    });
  } catch (error) {
    if (error instanceof ImportRefused) return { outcome: 'refused', repository, refusal: error.refusal };
    // A role lists a key that was revoked here.
    if (error instanceof TrustError && error.code === 'KEY_INVALID') {
      return { outcome: 'refused', repository, refusal: { code: error.code, message: error.message } };
    }
    if (!(error instanceof TufError)) throw error;
    const { role } = error.detail;
    const refusal = {
      code: error.code,
      message: error.message,
      ...(typeof role === 'string' ? { role } : {}),
    };
    return { outcome: 'refused', repository, refusal };
  }
}

function assertName(repository: string): void {
  if (isRepositoryName(repository) && repository !== DIRECTORY_NAME) return;
  throw new ImportRefused({
    code: 'NAME_INVALID',
    message: 'not a repository name as Docker spells it: host/path, in lower case',
  });
}

interface Run {
  readonly parts: ImportParts;
  readonly call: ImportCall;
  readonly history: RepositoryHistory;
  readonly context: VerifyContext;
  readonly stored: StoredVersions;
  readonly current: CurrentState;
  readonly nowMs: number;
}

async function importIn(run: Run, tx: Queries): Promise<ImportOutcome> {
  const { call, current, stored, history } = run;
  const standing = await readStanding(tx, await lockLive(tx, history.repository), stored, current);
  const keys = await findKeys(run, tx, standing);
  const before = standing.row?.settings;
  const managed = [...new Set([...(before?.managed ?? []), ...keys.map(({ keyId }) => keyId)])];
  const row = standing.row ?? (await insertRow(run, tx, managed));
  const versions = standing.wasFinal
    ? { count: 0, leftOut: [] }
    : await writeVersions(run, tx, row, standing);
  await storeKeys(tx, row, keys);
  const final = standing.wasFinal || call.final;
  if (final && (!standing.wasFinal || keys.length > 0)) await scheduleRenewal(run, tx, row, managed);
  const images = toImages(current.documents);
  const moved = versions.count > 0 ? await moveTags(run, tx, row, images) : [];
  const changes = standing.wasFinal
    ? { count: 0, last: 0 }
    : await writeChanges(run, tx, before?.migration?.changes ?? 0);

  const added = { versions: versions.count, changes: changes.count, keys: keys.length };
  const leftOut = [...stored.leftOut, ...versions.leftOut];
  const state = toState(run, { managed, final, added, tags: images.size, leftOut });
  const isSame = standing.row !== undefined && final === standing.wasFinal;
  if (isSame && added.versions + added.changes + added.keys === 0) return { outcome: 'unchanged', state };
  const tagCount = standing.wasFinal ? row.tagCount : images.size;
  await finish(run, tx, row, { managed, final, added, moved, tagCount, lastChange: changes.last });
  return { outcome: standing.row === undefined ? 'imported' : 'updated', state };
}

async function findKeys(
  { parts, history, current }: Run,
  tx: Queries,
  { row, hasSameRoot }: Standing,
): Promise<readonly WrappedKey[]> {
  // The root here has moved on: which keys it lists, this history does not know.
  if (!hasSameRoot) return [];
  const root = current.root.document;
  const held = new Set(row?.settings.managed);
  const wanted = servedKeyIds(root).filter((keyId) => !held.has(keyId));
  if (wanted.length === 0) return [];
  const found = await history.keys(wanted);
  const taken = await takeKeys(parts.keyStore, history.repository, root, found, held);
  const elsewhere = await heldElsewhere(tx, history.repository, wanted);
  return taken.filter(({ keyId }) => !elsewhere.has(keyId));
}

async function insertRow(
  { history, nowMs }: Run,
  tx: Queries,
  managed: readonly string[],
): Promise<RepositoryRow> {
  const { repository } = history;
  const made = newNotaryRow(repository, (await lastIncarnation(tx, repository)) + 1, nowMs);
  const migration = { final: false, changes: 0 };
  const row = {
    ...made,
    activatedAtMs: nowMs,
    settings: { ...made.settings, managed: [...managed], migration },
  };
  await insertRepository(tx, row);
  return row;
}

/** Stores what is not here yet, and makes current what is current there. */
async function writeVersions(
  { history, context, stored, current, nowMs }: Run,
  tx: Queries,
  row: RepositoryRow,
  { known, newest }: Standing,
): Promise<{ readonly count: number; readonly leftOut: readonly LeftOut[] }> {
  const writer = createVersionWriter(tx, row, nowMs);
  const heads = new Map<string, Omit<HistoryFile, 'bytes'>>();
  const leftOut: LeftOut[] = [];
  let count = 0;
  const all = [...stored.byRole.values()].flat();
  const currentVersions = new Map(current.files.map(({ role, version }) => [role, version]));
  const missing = all.filter(({ modelRole, version }) => !known.has(versionName(modelRole, version)));
  for await (const judged of verifyOlder(context, history, current, missing)) {
    if ('leftOut' in judged) {
      leftOut.push(judged.leftOut);
      continue;
    }
    const { bytes: _, ...head } = judged.file;
    const { role, version } = head;
    // Newer than what the newest timestamp leads to: no client was ever told of it.
    if (version > (currentVersions.get(role) ?? version)) {
      leftOut.push({ role, version, code: 'UNLISTED' });
      continue;
    }
    // It was not usable in an earlier run, and what came after it is here: nothing is put in between.
    if (version < (newest.get(role) ?? 0)) {
      leftOut.push({ role, version, code: 'LATE' });
      continue;
    }
    await writer.add(judged.file);
    count += 1;
    // Of roles that nobody delegates any more the newest stays the one that the next has to follow.
    heads.set(role, head);
  }
  await writer.end();
  for (const { bytes: _, ...file } of current.files) heads.set(file.role, file);
  if (count > 0) {
    await writeHeads(tx, row, [...heads.values()]);
    await indexRoleKeys(tx, row, 'notary', { brought: true });
  }
  return { count, leftOut };
}

/** The rows of the tags that clients find now; each since its listing file was published there. */
async function moveTags(
  { call, current, nowMs }: Run,
  tx: Queries,
  row: RepositoryRow,
  images: Images,
): Promise<readonly MovedImage[]> {
  const before = new Map((await readAllTags(tx, row)).map((tag) => [tag.tag, toImage(tag)]));
  const moved = compareImages(before, images);
  const { set, remove } = toTagMoves(moved, current.documents, call, nowMs);
  const storedAt = (role: string): number =>
    current.files.find((file) => file.role === role)?.storedAtMs ?? nowMs;
  await writeTags(
    tx,
    row,
    set.map((tag) => ({ ...tag, sinceMs: storedAt(tag.listedBy ?? TAG_ROLE) })),
  );
  await deleteTags(tx, row, remove);
  return moved;
}

/** From now on the service renews what it can sign, as it does everywhere. */
async function scheduleRenewal(
  { current, nowMs }: Run,
  tx: Queries,
  row: RepositoryRow,
  managed: readonly string[],
): Promise<void> {
  const held = new Set(managed);
  for (const role of servedRoles) {
    if (!isSignable(current.root.document.roles[role], held)) continue;
    const file = current.files.find((each) => each.role === role);
    const { resignAfterMs } = resignAfter(row.repository, {
      role,
      issuedMs: file?.storedAtMs ?? nowMs,
      expiresMs: current[role].document.expires,
    });
    await scheduleHeads(tx, row, 'notary', [role], resignAfterMs);
  }
}

async function writeChanges(
  { history }: Run,
  tx: Queries,
  after: number,
): Promise<{ readonly count: number; readonly last: number }> {
  let last = after;
  const records = async function* (): AsyncIterable<Omit<ChangeRecord, 'id'>> {
    for await (const { id, ...record } of history.changes(after)) {
      last = Math.max(last, id);
      yield { ...record, repository: history.repository };
    }
  };
  const count = await appendChanges(tx, records());
  return { count, last };
}

interface Finish {
  readonly managed: readonly string[];
  readonly final: boolean;
  readonly added: ImportedState['added'];
  readonly moved: readonly MovedImage[];
  readonly lastChange: number;
  readonly tagCount: number;
}

async function finish(
  { parts, call, current, nowMs }: Run,
  tx: Queries,
  row: RepositoryRow,
  { managed, final, added, moved, lastChange, tagCount }: Finish,
): Promise<void> {
  const event = {
    action: 'repository.import',
    actor: call.actor,
    requestId: call.requestId,
    result: 'done' as const,
    versions: Object.fromEntries(current.files.map(({ role, version }) => [role, version])),
  };
  const files = Object.fromEntries(current.files.map(({ role, sha256 }) => [role, sha256]));
  const [first, ...more] = toEvents(event, files, moved);
  const told =
    first === undefined ? [] : [{ ...first, after: { ...objectOf(first.after), ...added, final } }];
  const changes = Math.max(lastChange, row.settings.migration?.changes ?? 0);
  const settings = { ...row.settings, managed: [...managed], migration: { final, changes } };
  await appendEvents(parts, tx, row, [...told, ...more], nowMs, { settings, tagCount });
  await announce(tx, { ...row, versions: { notary: current.timestamp.document.version } });
}

function objectOf(value: JsonValue | undefined): JsonObject {
  return isJsonObject(value) ? value : {};
}

function toState(
  { history, current }: Run,
  {
    managed,
    final,
    added,
    tags,
    leftOut,
  }: Pick<ImportedState, 'final' | 'added' | 'tags' | 'leftOut'> & { readonly managed: readonly string[] },
): ImportedState {
  const root = current.root.document;
  const held = new Set(managed);
  const custodyOf = (role: (typeof servedRoles)[number]) =>
    isSignable(root.roles[role], held) ? ('service' as const) : ('elsewhere' as const);
  return {
    repository: history.repository,
    rootVersion: root.version,
    tags,
    custody: { timestamp: custodyOf('timestamp'), snapshot: custodyOf('snapshot') },
    keyIds: { timestamp: root.roles.timestamp.keyIds, snapshot: root.roles.snapshot.keyIds },
    expiresMs: {
      root: root.expires,
      targets: current.documents.get('targets')?.expires ?? 0,
      snapshot: current.snapshot.document.expires,
      timestamp: current.timestamp.document.expires,
    },
    warnings: current.warnings,
    leftOut,
    final,
    added,
  };
}
