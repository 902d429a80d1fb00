/** A root that waits for signatures, as it was stored, and what is needed to publish it. */
import { fromBase64 } from '@vidimus/crypto';
import type { Queries } from '@vidimus/database';
import type { DialectName, Draft, Key, RepositoryKeys, Root, Signature } from '@vidimus/tuf';
import { TrustError } from '../../service.ts';
import { codecOf } from '../dialects.ts';
import type { ManagedKeys } from '../keys/managed-keys.ts';
import type { ChangeRow, StoredDocument } from '../store/changes.ts';
import type { RepositoryRow } from '../store/repositories.ts';
import { isOf } from './change-answer.ts';

export function readRoot({ dialect, toSign }: StoredDocument): Root {
  const codec = codecOf(dialect);
  const file = codec.seal(fromBase64(toSign), []);
  return codec.decode('root', codec.open(file, file.length));
}

/** Bytes are sacred: what is published must be what was signed, to the last one. @throws TrustError INTERNAL */
export function assertSameBytes(root: Root, document: StoredDocument): Draft<Root> {
  const again = codecOf(document.dialect).encode(root);
  if (Buffer.from(again).equals(fromBase64(document.toSign))) return root;
  throw new TrustError('INTERNAL', 'the document of the change cannot be made again');
}

/** The key of a signature: of the proposed root, or of the one that it follows. */
export function signingKey(keyId: string, root: Root, previous: Root | undefined): Key | undefined {
  return root.keys.get(keyId) ?? previous?.keys.get(keyId);
}

/** What clients signed of a document, as its dialect writes it. */
export function collected(
  change: ChangeRow,
  document: StoredDocument,
  root: Root,
  previous?: Root,
): readonly Signature[] {
  return change.signatures
    .filter((entry) => isOf(entry, document))
    .flatMap(({ keyId, signature }) => {
      const scheme = signingKey(keyId, root, previous)?.usable?.scheme;
      return scheme === undefined ? [] : [codecOf(document.dialect).toSignature(keyId, scheme, signature)];
    });
}

/** The keys that the proposed root names, and those made for `revocations`. */
export async function keysOf(
  parts: { readonly keys: ManagedKeys },
  tx: Queries,
  row: RepositoryRow,
  dialect: DialectName,
  root: Root,
): Promise<RepositoryKeys> {
  const own = await parts.keys.publicKeys(tx, row, dialect);
  const of = (role: 'root' | 'targets' | 'snapshot' | 'timestamp') => {
    const { keyIds, threshold } = root.roles[role];
    return { keys: keyIds.flatMap((keyId) => root.keys.get(keyId) ?? []), threshold };
  };
  const revocations = { keys: own.get('revocations') ?? [], threshold: row.settings.revocationsThreshold };
  return {
    root: of('root'),
    targets: of('targets'),
    snapshot: of('snapshot'),
    timestamp: of('timestamp'),
    revocations,
  };
}

/** @throws TrustError CHANGE_CLOSED */
export function stale(change: ChangeRow): TrustError {
  return new TrustError('CHANGE_CLOSED', `change ${change.id} is stale: propose it again`, {
    change: change.id,
    state: 'stale',
  });
}
