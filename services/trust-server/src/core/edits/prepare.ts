/** From an edit to the next documents of one dialect, and who must sign them. */
import type { Queries } from '@vidimus/database';
import {
  type Authority,
  BINS_ROLE,
  DEFAULT_LIMITS,
  type DelegationEdits,
  type DelegationSpec,
  type DialectEdit,
  type DialectName,
  type Draft,
  type EditTerms,
  type NextDocuments,
  nextDocuments,
  type RoleKeys,
  type Root,
  type Targets,
  TufError,
  toRoleKeys,
  verifyRole,
} from '@vidimus/tuf';
import { TrustError } from '../../service.ts';
import { codecOf } from '../dialects.ts';
import { materialOf } from '../keys-index/key-ids.ts';
import { readRevokedKeys } from '../keys-index/key-rows.ts';
import { authorityOf } from '../publish/current-documents.ts';
import { isSignable } from '../publish/publication.ts';
import { readFile } from '../store/metadata.ts';
import type { RepositoryRow } from '../store/repositories.ts';
import { type DialectBase, readBase } from './edit-base.ts';
import type { EditPart, EditParts } from './edit-plan.ts';

/** One dialect of an edit, with its next documents. */
export interface PreparedPart {
  readonly dialect: DialectName;
  readonly base: DialectBase;
  /** As it was planned, and which files stay as they are. */
  readonly edit: DialectEdit;
  readonly terms: EditTerms;
  readonly next: NextDocuments;
}

export interface Preparing {
  readonly managed: ReadonlySet<string>;
  /** The time of the documents, milliseconds since 1970. */
  readonly issuedMs: number;
  readonly lifetimesMs: ReadonlyMap<string, number>;
  /** Read every delegated role, as far as it verifies. */
  readonly every: boolean;
}

/** The caller holds the lock of `row`. @throws TufError EDIT_INVALID; TrustError WOULD_BREAK */
export async function prepare(
  parts: Pick<EditParts, 'reader' | 'states'>,
  tx: Queries,
  row: RepositoryRow,
  { dialect, edit }: EditPart,
  { managed, issuedMs, lifetimesMs, every }: Preparing,
): Promise<PreparedPart> {
  const base = await readBase(parts, tx, row, dialect, edit, every);
  const resolved = { ...edit, delegations: await withKept(tx, row, base, edit, managed) };
  const terms = { repository: row.repository, nowMs: issuedMs, lifetimesMs, highest: base.highest };
  const next = nextDocuments({ root: base.documents.root, targets: base.targets }, resolved, terms);
  const part = { dialect, base, edit: resolved, terms, next };
  await assertVouchedFor(tx, row, part, managed);
  return part;
}

/** Who may sign a role once the edit is published; undefined for one that nobody delegates. */
export function authoritiesAfter({ base, next }: NextPart): (role: string) => Authority | undefined {
  const root = asRead(next.root) ?? base.documents.root;
  const documents = new Map(base.targets);
  for (const [name, draft] of next.targets) documents.set(name, asRead(draft));
  const targets = documents.get('targets') ?? base.documents.targets;
  const bins = documents.get(BINS_ROLE) ?? base.documents.bins;
  const delegators = {
    root,
    ...(targets === undefined ? {} : { targets }),
    ...(bins === undefined ? {} : { bins }),
    delegated: documents,
  };
  return (role) => authorityOf(role, delegators);
}

type NextPart = Pick<PreparedPart, 'base' | 'next'>;

function asRead(draft: Draft<Root>): Root;
function asRead(draft: Draft<Root> | undefined): Root | undefined;
function asRead(draft: Draft<Targets>): Targets;
function asRead(draft: Draft<Root> | Draft<Targets> | undefined): Root | Targets | undefined {
  return draft && { ...draft, fields: {} };
}

/** A file stays where it still verifies and somebody else would have to sign it anew. */
async function withKept(
  tx: Queries,
  row: RepositoryRow,
  base: DialectBase,
  edit: DialectEdit,
  managed: ReadonlySet<string>,
): Promise<ReadonlyMap<string, DelegationEdits>> {
  const edits = new Map<string, DelegationEdits>();
  for (const [delegator, { set = [], remove = [], keep: planned = [] }] of edit.delegations ?? []) {
    const keep = [...planned];
    for (const spec of set) {
      if (keep.includes(spec.name)) continue;
      if (await isKept(tx, row, base, edit, spec, managed)) keep.push(spec.name);
    }
    edits.set(delegator, { set, remove, keep });
  }
  return edits;
}

async function isKept(
  tx: Queries,
  row: RepositoryRow,
  { dialect, heads, targets }: DialectBase,
  edit: DialectEdit,
  spec: DelegationSpec,
  managed: ReadonlySet<string>,
): Promise<boolean> {
  const { name } = spec;
  const isNamed = edit.targets?.has(name) === true || edit.resign?.has(name) === true;
  const isEdited = isNamed || edit.delegations?.has(name) === true;
  const head = heads.get(name);
  if (isEdited || head === undefined || !targets.has(name)) return false;
  const roleKeys = toRoleKeys(name, spec);
  if (isSignable(roleKeys, managed)) return false;
  const file = await readFile(tx, row, dialect, name, head.version);
  const keys = new Map(spec.keys.map((key) => [key.keyId, key]));
  return file !== undefined && verifies(row, dialect, name, file.bytes, { keys, roleKeys });
}

/** Roles whose file stays although it is not signed as their delegator asks from now on: clients refuse it. */
export async function unsignedAfter(
  tx: Queries,
  row: RepositoryRow,
  part: PreparedPart,
): Promise<ReadonlySet<string>> {
  const { dialect, base, edit } = part;
  const authorityAfter = authoritiesAfter(part);
  const unsigned = new Set<string>();
  for (const role of [...(edit.delegations?.values() ?? [])].flatMap(({ keep = [] }) => keep)) {
    const head = base.heads.get(role);
    const authority = authorityAfter(role);
    const file = head && (await readFile(tx, row, dialect, role, head.version));
    const isSigned = file && authority && verifies(row, dialect, role, file.bytes, authority);
    if (isSigned !== true) unsigned.add(role);
  }
  return unsigned;
}

function verifies(
  { repository }: RepositoryRow,
  dialect: DialectName,
  role: string,
  bytes: Uint8Array,
  authority: Authority,
): boolean {
  const context = { dialect: codecOf(dialect), repository, foreign: false, limits: DEFAULT_LIMITS };
  try {
    verifyRole(context, 'targets', role, bytes, authority);
    return true;
  } catch (error) {
    if (error instanceof TufError) return false;
    throw error;
  }
}

/** The service's key must not vouch for what nobody who counts has signed. @throws TrustError WOULD_BREAK */
async function assertVouchedFor(
  tx: Queries,
  row: RepositoryRow,
  part: PreparedPart,
  managed: ReadonlySet<string>,
): Promise<void> {
  const authorityAfter = authoritiesAfter(part);
  const authorityNow = authoritiesAfter({ base: part.base, next: { targets: new Map() } });
  for (const role of part.next.targets.keys()) {
    const roleKeys = authorityAfter(role)?.roleKeys;
    if (roleKeys === undefined || !isSignable(roleKeys, managed)) continue;
    const authority = authorityNow(role);
    const isBelow =
      part.base.below.has(role) ||
      (authority !== undefined && (await restsOnRevoked(tx, row, part, role, authority)));
    if (!isBelow) continue;
    throw new TrustError(
      'WOULD_BREAK',
      `the file of role ${role} is not signed as its delegator asks: the service does not sign it anew`,
      { role },
    );
  }
}

/** Whether a file reaches its threshold through keys alone that were taken back, though a role may list them still. */
async function restsOnRevoked(
  tx: Queries,
  row: RepositoryRow,
  { base: { dialect, heads } }: PreparedPart,
  role: string,
  { keys, roleKeys }: Authority,
): Promise<boolean> {
  const listed = roleKeys.keyIds.flatMap((keyId) => keys.get(keyId) ?? []);
  const own = new Set(row.settings.managed);
  if (listed.every(({ keyId }) => own.has(keyId))) return false;
  const revoked = await readRevokedKeys(tx, listed.map(materialOf), row.repository);
  const head = heads.get(role);
  if (revoked.size === 0 || head === undefined) return false;
  const file = await readFile(tx, row, dialect, role, head.version);
  if (file === undefined) return false;
  const { signatures } = codecOf(dialect).open(file.bytes, file.bytes.length);
  // What the service has signed before it vouches for already.
  if (signatures.some(({ keyId }) => own.has(keyId))) return false;
  const good = new Map([...keys].filter(([, key]) => !revoked.has(materialOf(key))));
  return !verifies(row, dialect, role, file.bytes, { keys: good, roleKeys });
}

/** A document of an edit that somebody besides the service must sign. */
export interface OthersDocument {
  readonly role: string;
  readonly draft: Draft<Root> | Draft<Targets>;
  readonly thresholds: readonly (RoleKeys & { readonly of: 'role' | 'previous' | 'new' })[];
}

/**
 * @param shown - with a root that the service could sign alone: somebody must agree to it, and to these bytes
 * @throws TrustError CUSTODY_INVALID for a role that nobody could sign
 */
export function documentsOfOthers(
  part: NextPart,
  managed: ReadonlySet<string>,
  shown: 'approved' | 'signed' = 'signed',
): readonly OthersDocument[] {
  const { base, next } = part;
  const documents: OthersDocument[] = [];
  if (next.root !== undefined) {
    const thresholds = [
      { of: 'previous' as const, ...rootKeysOf(base.documents.root) },
      { of: 'new' as const, ...rootKeysOf(next.root) },
    ];
    if (shown === 'approved' || !thresholds.every((roleKeys) => isSignable(roleKeys, managed))) {
      documents.push({ role: 'root', draft: next.root, thresholds });
    }
  }
  const authorityAfter = authoritiesAfter(part);
  for (const [role, draft] of next.targets) {
    const roleKeys = authorityAfter(role)?.roleKeys;
    if (roleKeys === undefined) {
      throw new TrustError('ROLE_UNKNOWN', `nobody delegates role ${role}`, { role });
    }
    if (isSignable(roleKeys, managed)) continue;
    const { keyIds, threshold } = roleKeys;
    documents.push({ role, draft, thresholds: [{ of: 'role', keyIds, threshold }] });
  }
  return documents;
}

function rootKeysOf({ roles: { root } }: Pick<Root, 'roles'>): RoleKeys {
  return { keyIds: root.keyIds, threshold: root.threshold };
}
