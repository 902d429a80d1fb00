/** `POST …/_trust/recovery`: how far a restored repository had come, and from there it publishes again. */
import type { Database, Queries } from '@vidimus/database';
import type { DialectName, Targets } from '@vidimus/tuf';
import type { RecoverRepository } from '../../schemas/index.ts';
import { type Call, TrustError } from '../../service.ts';
import type { ManagedKeys } from '../keys/managed-keys.ts';
import type { StateReader } from '../notary/stored-state.ts';
import { type DocumentReader, headOf } from '../publish/current-documents.ts';
import { type DialectPart, type Published, publish } from '../publish/publication.ts';
import { assertActive } from '../publish/publisher.ts';
import { type Heads, headsIn, readHeads } from '../store/metadata.ts';
import { lockLive, type RepositoryRow } from '../store/repositories.ts';
import { lifetimesIn } from '../store/repository-settings.ts';
import { takeRoots } from './newest-roots.ts';
import { planRecovery, type RecoveryPlan } from './plan-recovery.ts';
import { recoveredTags } from './recovered-tags.ts';
import { readTargetsRoles } from './restored-documents.ts';
import { uncertainFix } from './uncertain.ts';

export interface RecoverParts {
  readonly database: Database;
  readonly reader: DocumentReader;
  readonly states: StateReader;
  readonly keys: ManagedKeys;
  /** Milliseconds since 1970. */
  readonly now: () => number;
  readonly newId: () => string;
}

export interface Recovered {
  readonly row: RepositoryRow;
  /** Absent when it was not waiting, or in a dry run. */
  readonly published?: Published;
}

/** Asked again, nothing happens. @throws TrustError REPOSITORY_UNKNOWN, VERSION_UNCERTAIN, SIGNATURE_INVALID */
export async function recoverRepository(
  parts: RecoverParts,
  call: Call,
  repository: string,
  body: RecoverRepository,
): Promise<Recovered> {
  const dryRun = new DryRun();
  try {
    return await parts.database.transaction(async (tx) => {
      const row = assertActive(repository, await lockLive(tx, repository));
      if (row.settings.restored === undefined) return { row };
      const recovered = await recover(parts, tx, row, call, body);
      if (call.dryRun === true) throw dryRun;
      return recovered;
    });
  } catch (error) {
    if (error !== dryRun) throw error;
    return {
      row: assertActive(repository, await parts.database.transaction((tx) => lockLive(tx, repository))),
    };
  }
}

/** What was found out is taken back: a dry run changes nothing. */
class DryRun extends Error {}

async function recover(
  parts: RecoverParts,
  tx: Queries,
  row: RepositoryRow,
  call: Call,
  body: RecoverRepository,
): Promise<Recovered> {
  const nowMs = parts.now();
  const heads = await readHeads(tx, row);
  const signerOf = await parts.keys.signers(tx, row, row.settings.managed);
  const made: { readonly part: DialectPart; readonly plan: RecoveryPlan; readonly before: Documents }[] = [];
  for (const dialect of row.dialects)
    made.push(await toPart(parts, tx, { row, heads, dialect, nowMs }, body));
  const { restored, ...settings } = row.settings;
  const main = made[0];
  const tags = main && (await recoveredTags(tx, row, main.before, main.plan, call, nowMs));
  const published = await signable(row, () =>
    publish(tx, {
      at: { ...row, settings },
      managed: new Set(settings.managed),
      signerOf,
      parts: made.map(({ part }) => part),
      events: (versions) => [
        {
          action: 'repository.recover',
          actor: call.actor,
          requestId: call.requestId,
          result: 'done',
          versions,
          before: { backup: restored?.backup ?? '', versions: versionsOf(heads, row.dialects[0]) },
          after: { reason: body.reason, newestRoot: { ...body.newestRoot } },
        },
      ],
      move: { settings, ...(tags === undefined ? {} : { tagCount: tags.tagCount }) },
      ...(tags === undefined ? {} : { tags: tags.moves }),
      newId: parts.newId,
    }),
  );
  return { row: { ...row, settings, log: published.log }, published };
}

type Documents = ReadonlyMap<string, Targets>;

interface Place {
  readonly row: RepositoryRow;
  readonly heads: Heads;
  readonly dialect: DialectName;
  readonly nowMs: number;
}

async function toPart(
  { reader }: RecoverParts,
  tx: Queries,
  { row, heads: all, dialect, nowMs }: Place,
  body: RecoverRepository,
): Promise<{ readonly part: DialectPart; readonly plan: RecoveryPlan; readonly before: Documents }> {
  const heads = headsIn(all, dialect);
  const managed = new Set(row.settings.managed);
  const restoredRoot = await reader.read(tx, row, 'root', headOf(heads, 'root'), {});
  // Read before a newer root is looked at: they are signed as the root of the backup says.
  const before = await readTargetsRoles(reader, tx, row, heads, restoredRoot);
  const authority = { root: restoredRoot };
  const snapshot = await reader.read(tx, row, 'snapshot', headOf(heads, 'snapshot'), authority);
  const timestamp = await reader.read(tx, row, 'timestamp', headOf(heads, 'timestamp'), authority);
  const head = headOf(heads, 'root');
  const root = await takeRoots(tx, { at: row, dialect, head, root: restoredRoot, managed, nowMs }, body);
  const { repository } = row;
  const terms = { repository, nowMs, lifetimesMs: lifetimesIn(row.settings, dialect) };
  const plan = planRecovery({ repository, dialect, heads, root, documents: before, managed, terms }, body);
  const targets = plan.documents.get('targets');
  const bins = plan.documents.get('bins');
  return {
    plan,
    before,
    part: {
      dialect,
      base: {
        root,
        ...(targets === undefined ? {} : { targets }),
        ...(bins === undefined || dialect !== 'tuf' ? {} : { bins }),
        delegated: plan.documents,
        snapshot,
        timestamp,
      },
      terms: plan.terms,
      targets: plan.drafts,
      sealed: plan.sealed,
      renewSnapshot: true,
    },
  };
}

/** Keys made after the backup are lost: what they alone could sign stays as it is, and the answer says why. */
async function signable<T>({ repository }: RepositoryRow, work: () => Promise<T>): Promise<T> {
  try {
    return await work();
  } catch (cause) {
    if (!(cause instanceof TrustError) || cause.code !== 'SIGNER_UNAVAILABLE') throw cause;
    throw new TrustError(
      'VERSION_UNCERTAIN',
      `the newest root of ${repository} names keys that the backup does not have: ${cause.message}. It stays ` +
        'read-only; with a root key of yours, end it and create it anew, or let its clients take a hand-over',
      { repository, ...cause.detail, fix: uncertainFix },
      { cause },
    );
  }
}

function versionsOf(heads: Heads, dialect: DialectName | undefined): Readonly<Record<string, number>> {
  const roles = dialect === undefined ? [] : [...headsIn(heads, dialect).values()];
  const shown = roles.filter(({ role }) => ['root', 'targets', 'snapshot', 'timestamp'].includes(role));
  return Object.fromEntries(shown.map(({ role, version }) => [role, version]));
}
