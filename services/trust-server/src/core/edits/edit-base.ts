/** The current documents of one dialect that an edit starts from. */
import type { Queries } from '@vidimus/database';
import {
  BINS_ROLE,
  type DialectEdit,
  type DialectName,
  type Root,
  rolesOfEdit,
  type Targets,
  TufError,
} from '@vidimus/tuf';
import { TrustError } from '../../service.ts';
import { readSource, toBase } from '../dialect-changes/mirror-source.ts';
import { codecOf } from '../dialects.ts';
import { authorityOf, type Delegators, readCurrent } from '../publish/current-documents.ts';
import type { BaseDocuments } from '../publish/publication.ts';
import {
  type Head,
  headsIn,
  highestVersions,
  type RoleHeads,
  readFile,
  readHeads,
} from '../store/metadata.ts';
import type { RepositoryRow } from '../store/repositories.ts';
import type { EditParts } from './edit-plan.ts';

/** What files of targets roles may have, at most. */
const maxFileBytes = 5_000_000;

export interface DialectBase {
  readonly dialect: DialectName;
  readonly heads: RoleHeads;
  /** The highest version ever stored, by role. */
  readonly highest: ReadonlyMap<string, number>;
  /** As a publish starts from it. */
  readonly documents: BaseDocuments & { readonly root: Root };
  /** Targets roles by role: targets, those that the edit names, and those that delegate them. */
  readonly targets: ReadonlyMap<string, Targets>;
  /** Roles among them whose current file lacks the threshold that its delegator asks for now. */
  readonly below: ReadonlySet<string>;
}

/**
 * @param every - read every delegated role, as far as it verifies: what answers for tags must be complete
 * @throws TrustError INTERNAL
 */
export async function readBase(
  parts: Pick<EditParts, 'reader' | 'states'>,
  tx: Queries,
  row: RepositoryRow,
  dialect: DialectName,
  edit: DialectEdit,
  every = false,
): Promise<DialectBase> {
  const heads = headsIn(await readHeads(tx, row), dialect);
  const highest = await highestOf(tx, row, dialect, heads);
  if (dialect === 'notary' && row.settings.origin === 'notary') {
    const source = await readSource(parts.states, tx, row);
    const documents = { ...toBase(source), root: source.state.root };
    return { dialect, heads, highest, documents, targets: source.documents, below: new Set() };
  }
  const current = await readCurrent(parts.reader, tx, row, heads);
  const { root, targets, bins } = current;
  const reading: Reading = {
    found: new Map([['targets', targets], ...(bins === undefined ? [] : [[BINS_ROLE, bins] as const])]),
    below: new Set(),
  };
  const needed = rolesOfEdit(edit, current);
  const asked = every ? new Set([...needed, ...delegatedRoles(heads)]) : needed;
  for (const role of withDelegators(asked)) {
    const head = heads.get(role);
    if (head === undefined || reading.found.has(role)) continue;
    const delegators = { root, targets, ...(bins && { bins }), delegated: reading.found };
    await readInto(parts, tx, row, head, delegators, reading);
  }
  const verified = [...reading.found].filter(([role]) => !reading.below.has(role));
  const documents = every ? { ...current, delegated: new Map(verified) } : current;
  return { dialect, heads, highest, documents, targets: reading.found, below: reading.below };
}

interface Reading {
  readonly found: Map<string, Targets>;
  readonly below: Set<string>;
}

/** A role that nobody delegates any more is not read: should it come back, it begins empty. */
async function readInto(
  { reader }: Pick<EditParts, 'reader'>,
  tx: Queries,
  row: RepositoryRow,
  head: Head,
  delegators: Delegators,
  { found, below }: Reading,
): Promise<void> {
  const { role } = head;
  if (authorityOf(role, delegators) === undefined) return;
  try {
    found.set(role, await reader.read(tx, row, 'targets', head, delegators));
  } catch (error) {
    if (!lacksThreshold(error)) throw error;
    found.set(role, await readUnsigned(tx, row, head));
    below.add(role);
  }
}

function lacksThreshold(error: unknown): boolean {
  return error instanceof TrustError && error.cause instanceof TufError && error.cause.code === 'THRESHOLD';
}

/** What its holders are asked to sign anew; the service signs nothing on the strength of it. */
async function readUnsigned(tx: Queries, row: RepositoryRow, head: Head): Promise<Targets> {
  const file = await readFile(tx, row, head.dialect, head.role, head.version);
  const codec = codecOf(head.dialect);
  if (file?.sha256 !== head.sha256) {
    throw new TrustError('INTERNAL', `the stored file of ${head.role} is another one`, { role: head.role });
  }
  return codec.decode('targets', codec.open(file.bytes, maxFileBytes));
}

/** Versions never go back: a role that comes into being again goes on above what it had. */
async function highestOf(
  tx: Queries,
  row: RepositoryRow,
  dialect: DialectName,
  heads: RoleHeads,
): Promise<ReadonlyMap<string, number>> {
  const ever = await highestVersions(tx, row.repository, dialect);
  return new Map([...ever, ...Array.from(heads, ([role, { version }]) => [role, version] as const)]);
}

function delegatedRoles(heads: RoleHeads): readonly string[] {
  const top = new Set(['root', 'targets', 'snapshot', 'timestamp']);
  return [...heads.keys()].filter((role) => !top.has(role));
}

/** Every role after those that may delegate it: `qa` comes before `qa/nightly`. */
function withDelegators(roles: ReadonlySet<string>): readonly string[] {
  const all = new Set<string>();
  for (const role of roles) {
    const segments = role.split('/');
    for (let count = 1; count <= segments.length; count += 1) all.add(segments.slice(0, count).join('/'));
  }
  return [...all].sort((a, b) => a.split('/').length - b.split('/').length);
}
