/** The keys of a delegation in each dialect: those of clients as given, the service's own kept or made. */
import type { DialectName, Key } from '@vidimus/tuf';
import type { PutDelegation } from '../../schemas/index.ts';
import { TrustError } from '../../service.ts';
import { toClientKey } from '../changes/creation-request.ts';
import type { ManagedKey, ManagedKeys } from '../keys/managed-keys.ts';
import type { CurrentDocuments } from '../publish/current-documents.ts';
import type { RepositoryRow } from '../store/repositories.ts';
import { delegationTo, documentOf, parentOf } from './delegation-tree.ts';

export interface DelegationKeys {
  /** By dialect. */
  readonly keys: ReadonlyMap<DialectName, readonly Key[]>;
  readonly made: readonly ManagedKey[];
  /** Ids of the service's keys that it has no use for any more. */
  readonly retire: readonly string[];
  /** Key id to signer. */
  readonly signers: Readonly<Record<string, string>>;
}

/**
 * A signer has a key in every dialect of the repository. Managed keys that the role has already stay in use.
 * @param current - by dialect
 * @throws TrustError KEY_INVALID, SIGNER_UNAVAILABLE
 */
export async function resolveDelegationKeys(
  managedKeys: ManagedKeys,
  row: RepositoryRow,
  role: string,
  { signers }: Pick<PutDelegation, 'signers'>,
  current: ReadonlyMap<DialectName, CurrentDocuments>,
): Promise<DelegationKeys> {
  assertNames(signers);
  const keys = new Map<DialectName, readonly Key[]>();
  const made: ManagedKey[] = [];
  const retire: string[] = [];
  const names = new Map<string, string>();
  const holders = new Map<string, string>();
  for (const dialect of row.dialects) {
    const own = managedKeysOf(row, role, current.get(dialect));
    const all: Key[] = [];
    for (const signer of signers) {
      const listed: Key[] = [];
      for (const entry of signer.keys) {
        if (entry.custody === 'client') {
          const client = toClientKey(role, entry, row.dialects);
          if (client.dialect === dialect) listed.push(client.key);
          continue;
        }
        const kept = own.shift();
        if (kept === undefined) made.push(await make(managedKeys, row, dialect, role));
        listed.push(kept ?? lastOf(made).key);
      }
      if (listed.length === 0) throw withoutKey(role, signer.name, dialect);
      for (const key of listed) {
        assertHeldByOne(holders, key, signer.name, role);
        names.set(key.keyId, signer.name);
      }
      all.push(...listed);
    }
    keys.set(dialect, all);
    retire.push(...own.map(({ keyId }) => keyId));
  }
  return { keys, made, retire, signers: Object.fromEntries(names) };
}

/** Keys of the service that a role lists. */
export function managedKeysOf(
  { settings }: Pick<RepositoryRow, 'settings'>,
  role: string,
  documents: CurrentDocuments | undefined,
): Key[] {
  const listed = documents && keysOf(documents, role);
  return (listed ?? []).filter(({ keyId }) => settings.managed.includes(keyId));
}

/** The keys of a delegated role. */
export function keysOf(documents: CurrentDocuments, role: string): readonly Key[] {
  const known = documentOf(documents, parentOf(role))?.delegations?.keys;
  return (delegationTo(documents, role)?.keyIds ?? []).flatMap((keyId) => known?.get(keyId) ?? []);
}

async function make(
  managedKeys: ManagedKeys,
  { repository }: RepositoryRow,
  dialect: DialectName,
  role: string,
): Promise<ManagedKey> {
  if (managedKeys.isAvailable(role)) return await managedKeys.make(repository, dialect, role);
  throw new TrustError('SIGNER_UNAVAILABLE', 'managed keys need the master key, which is not here', { role });
}

function lastOf(made: readonly ManagedKey[]): ManagedKey {
  const last = made.at(-1);
  if (last === undefined) throw new TrustError('INTERNAL', 'no key was made');
  return last;
}

function assertNames(signers: PutDelegation['signers']): void {
  const names = new Set(signers.map(({ name }) => name));
  if (names.size === signers.length) return;
  throw new TrustError('BODY_INVALID', 'signers: the same name twice');
}

/** One key under two names would make one person two, whatever dialects it is written in. */
function assertHeldByOne(holders: Map<string, string>, key: Key, signer: string, role: string): void {
  const material = key.usable?.materialId ?? key.keyId;
  const other = holders.get(material);
  if (other !== undefined && other !== signer) {
    throw new TrustError('KEY_INVALID', `signers ${other} and ${signer} have the same key`, {
      role,
      keyId: key.keyId,
    });
  }
  holders.set(material, signer);
}

function withoutKey(role: string, signer: string, dialect: DialectName): TrustError {
  return new TrustError(
    'KEY_INVALID',
    `signer ${signer} has no key of the dialect ${dialect}: this repository has both, and so have its signers`,
    { role, signer, dialect },
  );
}
