/** Publishes an edit: what others signed, what the service signs, in every dialect together. */
import type { Queries } from '@vidimus/database';
import type { DialectName, Root, Signature } from '@vidimus/tuf';
import type { Call } from '../../service.ts';
import { assertSourceLives, readSource } from '../dialect-changes/mirror-source.ts';
import type { ApprovalsOf, SignerOf } from '../keys/managed-keys.ts';
import { readCurrent } from '../publish/current-documents.ts';
import { termsOf } from '../publish/notary-part.ts';
import {
  type DialectPart,
  isSignable,
  type Published,
  publish,
  type Versions,
} from '../publish/publication.ts';
import { sealRoot } from '../publish/seal.ts';
import { settledTags, type TagRows } from '../publish/settled-tags.ts';
import { headsIn, readHeads, scheduleHeads } from '../store/metadata.ts';
import type { RepositoryRow } from '../store/repositories.ts';
import type { RepositorySettings } from '../store/repository-settings.ts';
import { readTags } from '../store/tags.ts';
import type { EditParts } from './edit-plan.ts';
import { authoritiesAfter, type PreparedPart, unsignedAfter } from './prepare.ts';
import type { StoredPlan } from './stored-plan.ts';

/** What others signed of a document. */
export type Collected = (dialect: DialectName, role: string) => readonly Signature[];

export interface EditToPublish {
  readonly call: Pick<Call, 'actor' | 'requestId'>;
  readonly plan: Omit<StoredPlan, 'parts' | 'issuedMs'>;
  /** `tuf` first. */
  readonly prepared: readonly PreparedPart[];
  readonly collected: Collected;
  /** What approvers signed of it, for a signer that demands so. */
  readonly approvals?: ApprovalsOf;
  /** The change that it was. */
  readonly change?: string;
  readonly nowMs: number;
}

export interface PublishedEdit {
  readonly row: RepositoryRow;
  readonly published: Published;
}

/**
 * The caller holds the lock of `row`; keys made for the edit are stored.
 * @throws TrustError SIGNER_UNAVAILABLE, DIALECTS_DISAGREE, WOULD_BREAK
 */
export async function publishEdit(
  parts: EditParts,
  tx: Queries,
  row: RepositoryRow,
  edit: EditToPublish,
): Promise<PublishedEdit> {
  const { call, plan, prepared, change, nowMs } = edit;
  const settings = settingsAfter(row.settings, plan);
  const managed = new Set(settings.managed);
  const signerOf = await parts.keys.signers(tx, row, [...row.settings.managed, ...plan.made], edit.approvals);
  if (row.settings.mirrored === true) assertSourceLives(await readSource(parts.states, tx, row), nowMs);
  const dialectParts: DialectPart[] = [];
  for (const part of prepared) dialectParts.push(await toPart(row, part, edit, signerOf, settings));
  dialectParts.push(...(await restOf(parts, tx, row, prepared, nowMs)));
  dialectParts.sort((a, b) => rank(a) - rank(b));
  const event = {
    ...plan.event,
    actor: call.actor,
    requestId: call.requestId,
    result: 'done' as const,
    ...(change === undefined ? {} : { change }),
  };
  const tags = await settle(tx, row, prepared, plan.tags);
  const tagCount = tags === undefined ? row.tagCount : await tagCountAfter(tx, row, tags);
  const published = await publish(tx, {
    at: row,
    managed,
    signerOf,
    parts: dialectParts,
    signers: plan.signers,
    events: (versions) => [{ ...event, versions }],
    move: { settings, ...(tags === undefined ? {} : { tagCount }) },
    ...(tags === undefined ? {} : { tags: (versions) => tagsAt(tags, prepared, versions, change) }),
    newId: parts.newId,
  });
  for (const part of prepared) await unschedule(tx, row, part, managed);
  await parts.keys.retireKeys(tx, row, nowMs, plan.retire);
  return { row: { ...row, settings, tagCount, log: published.log }, published };
}

/** As they are from now on. */
export function settingsAfter(
  settings: RepositorySettings,
  { settings: changed, made, retire }: Pick<StoredPlan, 'settings' | 'made' | 'retire'>,
): RepositorySettings {
  const gone = new Set(retire);
  const managed = [...new Set([...settings.managed, ...made])].filter((keyId) => !gone.has(keyId));
  const lifetimesMs = { ...settings.lifetimesMs, ...changed?.lifetimesMs };
  const { revocationsThreshold = settings.revocationsThreshold } = changed ?? {};
  return { ...settings, lifetimesMs, revocationsThreshold, managed };
}

async function toPart(
  row: RepositoryRow,
  { dialect, base, edit, next }: PreparedPart,
  { collected, nowMs, plan }: EditToPublish,
  signerOf: SignerOf,
  settings: RepositorySettings,
): Promise<DialectPart> {
  const sealing = { dialect, repository: row.repository, nowMs, signerOf };
  const previous: Root = base.documents.root;
  const root = next.root && (await sealRoot(sealing, next.root, previous, collected(dialect, 'root')));
  return {
    dialect,
    base: base.documents,
    // Snapshot and timestamp are of now, whenever the others were made.
    terms: { ...termsOf({ ...row, settings }, dialect, base.heads, nowMs), highest: base.highest },
    ...(root === undefined ? {} : { root }),
    targets: next.targets,
    signatures: new Map([...next.targets.keys()].map((role) => [role, collected(dialect, role)])),
    renewSnapshot:
      edit.roles?.snapshot !== undefined || plan.settings?.lifetimesMs?.['snapshot'] !== undefined,
  };
}

/** One publish advances every dialect that the service signs. */
async function restOf(
  { reader }: EditParts,
  tx: Queries,
  row: RepositoryRow,
  prepared: readonly PreparedPart[],
  nowMs: number,
): Promise<readonly DialectPart[]> {
  if (row.settings.origin === 'notary') return [];
  const heads = await readHeads(tx, row);
  const rest: DialectPart[] = [];
  for (const dialect of row.dialects) {
    if (prepared.some((part) => part.dialect === dialect)) continue;
    const base = await readCurrent(reader, tx, row, headsIn(heads, dialect));
    rest.push({ dialect, base, terms: termsOf(row, dialect, headsIn(heads, dialect), nowMs) });
  }
  return rest;
}

function rank({ dialect }: DialectPart): number {
  return dialect === 'tuf' ? 0 : 1;
}

/** Others may have moved the same tags since it was planned, and roles gain or lose the file that clients take. */
async function settle(
  tx: Queries,
  row: RepositoryRow,
  prepared: readonly PreparedPart[],
  planned: StoredPlan['tags'],
): Promise<TagRows | undefined> {
  const main = prepared.find(({ dialect }) => dialect === 'tuf');
  if (main === undefined) return planned;
  const { base, next } = main;
  const unsigned = await unsignedAfter(tx, row, main);
  const signed = [...next.targets.keys()].filter((role) => base.below.has(role));
  const listed = [...unsigned, ...signed].flatMap((role) => listedBelow(main, role));
  if (planned === undefined && listed.length === 0) return undefined;
  const { set = [], remove = [] } = planned ?? {};
  const edit = { base: base.documents, before: base.targets, next: next.targets, unsigned };
  return settledTags(edit, { set, remove: [...remove, ...listed] });
}

/** Tags in the file of a role, and in those of roles below it. */
function listedBelow({ base, next }: PreparedPart, role: string): readonly string[] {
  const roles = [...base.targets, ...(base.documents.delegated ?? []), ...next.targets];
  return roles.flatMap(([name, { targets }]) =>
    name === role || name.startsWith(`${role}/`) ? [...targets.keys()] : [],
  );
}

async function tagCountAfter(tx: Queries, row: RepositoryRow, { set, remove }: TagRows): Promise<number> {
  const names = [...set.map(({ tag }) => tag), ...remove];
  const known = new Set((await readTags(tx, row, names)).map(({ tag }) => tag));
  const added = set.filter(({ tag }) => !known.has(tag)).length;
  return row.tagCount + added - remove.filter((tag) => known.has(tag)).length;
}

/** Version 0 stands for the version of the listing role that was just made. */
function tagsAt(
  { set, remove }: TagRows,
  prepared: readonly PreparedPart[],
  versions: Versions,
  change: string | undefined,
) {
  const roles = new Map<string, string>();
  for (const [role, edits] of prepared[0]?.edit.targets ?? []) {
    for (const { path } of edits.set ?? []) roles.set(path, role);
  }
  const at = set.map((row) => {
    const role = roles.get(row.tag) ?? row.listedBy ?? 'targets';
    const own = change === undefined ? row : { ...row, change };
    return row.sinceVersion === 0 ? { ...own, sinceVersion: versions[role] ?? 1 } : own;
  });
  return { set: at, remove };
}

/** Roles that nobody delegates any more, and those that the service can no longer sign, need no renewal by it. */
async function unschedule(
  tx: Queries,
  row: RepositoryRow,
  part: PreparedPart,
  managed: ReadonlySet<string>,
): Promise<void> {
  const authorityAfter = authoritiesAfter(part);
  const roles = [...(part.edit.delegations?.values() ?? [])].flatMap(({ keep = [], remove = [] }) => [
    ...keep,
    // With everything that was delegated below it.
    ...[...part.base.heads.keys()].filter((role) =>
      remove.some((gone) => role === gone || role.startsWith(`${gone}/`)),
    ),
  ]);
  const idle = roles.filter((role) => {
    const roleKeys = authorityAfter(role)?.roleKeys;
    return roleKeys === undefined || !isSignable(roleKeys, managed);
  });
  await scheduleHeads(tx, row, part.dialect, idle, undefined);
}
