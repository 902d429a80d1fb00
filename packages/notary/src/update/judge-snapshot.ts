/** The snapshot after an upload: the one uploaded, or the next one for the service to sign. */
import { sha256Hex, sha512Hex } from '@vidimus/crypto';
import {
  assertFileMeta,
  type Draft,
  type EditTerms,
  type FileMeta,
  nextSnapshot,
  type RoleKeys,
  type Root,
  type SealedFile,
  type Snapshot,
  TufError,
  verifyTopLevel,
} from '@vidimus/tuf';
import type { NotaryError } from '../errors.ts';
import { toNotaryRole } from '../role-name.ts';
import type { TargetsTree } from './judge-targets.ts';
import { invalidMetadata, judging, refusal } from './refusal.ts';
import { type AcceptedFile, accept, storedDocument, type UpdateContext } from './update-context.ts';

/** @throws NotaryError when the uploaded snapshot does not list the files there will be, each as it will be */
export function judgeUploadedSnapshot(
  context: UpdateContext,
  root: Root,
  tree: TargetsTree,
  previous: Snapshot | undefined,
  bytes: Uint8Array,
): AcceptedFile {
  return judging(context, 'snapshot', bytes, () => {
    const file = verifyTopLevel(context, root, 'snapshot', bytes);
    const accepted = accept(context, file, previous);
    const { meta } = file.document;
    for (const role of ['root', 'targets', ...tree.delegated]) {
      const listed = meta.get(role);
      if (listed !== undefined) assertListed(context, role, listed);
      else if (mustBeListed(context, role, previous)) throw unlisted(role);
    }
    return accepted;
  });
}

/**
 * Lists what was uploaded, and drops the roles that nobody delegates any more. A role delegated again comes back
 * with the file it had, so that its signers go on from that version.
 * @throws NotaryError when the service cannot sign it
 */
export function draftSnapshot(
  context: UpdateContext,
  tree: TargetsTree,
  previous: Snapshot | undefined,
  accepted: readonly AcceptedFile[],
  terms: EditTerms,
): Draft<Snapshot> {
  const uploaded = new Map(accepted.map((file) => [file.role, sealed(file.version, file.bytes)]));
  const files = new Map<string, SealedFile>(uploaded);
  for (const role of ['root', 'targets', ...tree.delegated]) {
    if (uploaded.has(role) || previous?.meta.has(role) === true) continue;
    const bytes = context.stored.get(role);
    const document = storedDocument(context, role === 'root' ? 'root' : 'targets', role);
    if (bytes !== undefined && document !== undefined) files.set(role, sealed(document.version, bytes));
  }
  const drop = droppedRoles(tree, previous);
  return nextSnapshot(previous, files, terms, { drop, filesBy: context.dialect.filesBy });
}

/** Roles that the stored snapshot lists and nobody delegates to after the upload. */
export function droppedRoles(tree: TargetsTree, previous: Snapshot | undefined): readonly string[] {
  const isKept = (role: string): boolean => role === 'root' || role === 'targets' || tree.delegated.has(role);
  return [...(previous?.meta.keys() ?? [])].filter((role) => !isKept(role));
}

/** Whether the service holds enough keys of a role to sign it alone. */
export function isHeld({ keyIds, threshold }: RoleKeys, heldKeyIds: ReadonlySet<string>): boolean {
  return new Set(keyIds.filter((keyId) => heldKeyIds.has(keyId))).size >= threshold;
}

/** The peer compares hashes of uploaded files alone; clients compare hashes and lengths of all. */
function assertListed(context: UpdateContext, role: string, listed: FileMeta): void {
  const name = toNotaryRole(role);
  const bytes = context.parts.get(role) ?? context.stored.get(role);
  if (bytes === undefined) throw refusal('snapshot', `snapshot lists ${name}, which has no file`);
  if (listed.hashes?.has('sha256') !== true) throw unlisted(role);
  if (listed.length === undefined) throw invalidMetadata('snapshot', `missing ${name} length information`);
  try {
    assertFileMeta(name, listed, bytes);
  } catch (error) {
    if (!(error instanceof TufError)) throw error;
    throw refusal('snapshot', describeMismatch(name, listed, error), error);
  }
}

function describeMismatch(name: string, listed: FileMeta, { detail }: TufError): string {
  const algorithm = detail['algorithm'];
  if (typeof algorithm !== 'string') return `length for ${name} did not match: expected ${listed.length}`;
  const expected = listed.hashes?.get(algorithm) ?? '';
  return `${algorithm} checksum for ${name} did not match: expected ${expected}`;
}

/** A file that was listed, or comes with this upload, would vanish for clients without a word. */
function mustBeListed(
  { parts, stored }: UpdateContext,
  role: string,
  previous: Snapshot | undefined,
): boolean {
  if (role === 'root' || role === 'targets' || parts.has(role)) return true;
  return stored.has(role) && previous?.meta.has(role) === true;
}

function unlisted(role: string): NotaryError {
  return invalidMetadata('snapshot', `missing ${toNotaryRole(role)} sha256 checksum information`);
}

function sealed(version: number, bytes: Uint8Array): SealedFile {
  return { version, length: bytes.length, sha256: sha256Hex(bytes), sha512: sha512Hex(bytes) };
}
