/** A creation whose documents are signed: made again, compared, and published with what the service signs. */
import { fromBase64 } from '@vidimus/crypto';
import type { Queries } from '@vidimus/database';
import type { Draft, EditTerms, Key, RepositoryKeys, Root, Signature, Targets } from '@vidimus/tuf';
import type { Call } from '../../service.ts';
import { codecOf } from '../dialects.ts';
import type { ManagedKeys } from '../keys/managed-keys.ts';
import type { Published } from '../publish/publication.ts';
import { type ChangeRow, closeChange, type StoredDocument } from '../store/changes.ts';
import type { RepositoryRow } from '../store/repositories.ts';
import { type DocumentName, isOf } from './change-answer.ts';
import { keysOf, readRoot } from './change-document.ts';
import { firstTerms } from './create.ts';
import { parseCreation } from './creation-plan.ts';
import { repositoryRoles } from './creation-request.ts';
import { type DialectKeys, type FirstDocuments, firstDocuments } from './first-documents.ts';
import { type FirstPart, publishFirst } from './first-publish.ts';

interface Parts {
  readonly keys: ManagedKeys;
  readonly newId: () => string;
}

/** One dialect of a creation, with the times that its change gave the documents. */
export interface CreationPart extends DialectKeys {
  readonly terms: EditTerms;
  readonly drafts: FirstDocuments;
}

/** Undefined when its documents can no longer be made as they were signed. The caller holds the lock of `row`. */
export async function readCreation(
  parts: Parts,
  tx: Queries,
  row: RepositoryRow,
  change: ChangeRow,
): Promise<readonly CreationPart[] | undefined> {
  const creation: CreationPart[] = [];
  for (const dialect of row.dialects) {
    const keys = parseCreation(change.plan, dialect) ?? (await keysOfRoot(parts, tx, row, change, dialect));
    const terms = await firstTerms(tx, row, dialect, Date.parse(change.times.issued));
    creation.push({ dialect, keys, terms, drafts: firstDocuments({ dialect, keys }, terms) });
  }
  const isSame = change.documents.every((document) => {
    const draft = draftOf(creation, document);
    // Bytes are sacred: what is published must be what was signed, to the last one.
    return (
      draft !== undefined &&
      Buffer.from(codecOf(document.dialect).encode(draft)).equals(fromBase64(document.toSign))
    );
  });
  return isSame ? creation : undefined;
}

/** A change of before the keys were kept proposed root alone, which names all others but those of `revocations`. */
async function keysOfRoot(
  parts: Parts,
  tx: Queries,
  row: RepositoryRow,
  change: ChangeRow,
  dialect: RepositoryRow['dialects'][number],
): Promise<RepositoryKeys> {
  const document = change.documents.find((each) => isOf(each, { dialect, role: 'root' }));
  if (document === undefined) throw new TypeError('a creation without a root');
  return await keysOf(parts, tx, row, dialect, readRoot(document));
}

function draftOf(
  creation: readonly CreationPart[],
  { dialect, role }: DocumentName,
): Draft<Root> | Draft<Targets> | undefined {
  const drafts = creation.find((part) => part.dialect === dialect)?.drafts;
  return role === 'root' ? drafts?.root : drafts?.targets.get(role);
}

/** The key of a signature over a first document. */
export function keyInCreation(
  creation: readonly CreationPart[],
  { dialect, role }: DocumentName,
  keyId: string,
): Key | undefined {
  const name = repositoryRoles.find((each) => each === role);
  const part = creation.find((each) => each.dialect === dialect);
  return name && part?.keys[name].keys.find((key) => key.keyId === keyId);
}

/** The caller holds the lock of `row`, and has seen that the change is complete. @throws TrustError SIGNER_UNAVAILABLE */
export async function completeCreation(
  parts: Parts,
  tx: Queries,
  row: RepositoryRow,
  change: ChangeRow,
  creation: readonly CreationPart[],
  call: Pick<Call, 'actor' | 'requestId'>,
  nowMs: number,
): Promise<{
  readonly change: ChangeRow;
  readonly published: { readonly row: RepositoryRow; readonly published: Published };
}> {
  const firsts = creation.map((part) => toFirstPart(part, change, creation, nowMs));
  const published = await publishFirst(parts, tx, row, {
    parts: firsts,
    nowMs,
    event: {
      action: 'repository.create',
      actor: call.actor,
      requestId: call.requestId,
      result: 'done',
      change: change.id,
      after: { root: change.documents[0]?.sha256 ?? null },
    },
  });
  const { versions } = published;
  await closeChange(tx, change.id, { state: 'published', versions });
  return {
    change: { ...change, state: 'published', published: { ...versions } },
    published: { row: { ...row, activatedAtMs: nowMs, log: published.log }, published },
  };
}

/** Documents of the change as they were signed, all others as they are made now. */
function toFirstPart(
  { dialect, keys, terms, drafts }: CreationPart,
  change: ChangeRow,
  creation: readonly CreationPart[],
  nowMs: number,
): FirstPart {
  const signaturesOf = (document: StoredDocument): readonly Signature[] =>
    change.signatures
      .filter((entry) => isOf(entry, document))
      .flatMap(({ keyId, signature }) => {
        const scheme = keyInCreation(creation, document, keyId)?.usable?.scheme;
        return scheme === undefined ? [] : [codecOf(dialect).toSignature(keyId, scheme, signature)];
      });
  const own = change.documents.filter((document) => document.dialect === dialect);
  const root = own.find(({ role }) => role === 'root');
  const targets = new Map(
    own.flatMap((document) => {
      const draft = drafts.targets.get(document.role);
      return draft === undefined
        ? []
        : [[document.role, { draft, signatures: signaturesOf(document) }] as const];
    }),
  );
  return {
    dialect,
    keys,
    terms: { ...terms, nowMs },
    ...(root === undefined ? {} : { root: { draft: drafts.root, signatures: signaturesOf(root) } }),
    targets,
  };
}
