/**
 * Signs the creation of a repository and pins what comes of it: the published root, or, while others have to
 * sign, the root keys that were asked for.
 */
import type { ClientKey, FileKeyStore } from '@vidimus/key-store';
import {
  type Change,
  type CreateRepositoryRequest,
  type PublishClient,
  type RepositorySummary,
  type SigningKey,
  type VerifiedDocument,
  verifyCreation,
} from '@vidimus/trust-client';
import { tufDialect } from '@vidimus/tuf';
import { CliError } from '../cli-error.ts';
import { openCache } from '../client/open-client.ts';
import type { Context } from '../context.ts';
import { exitCodes } from '../exit-codes.ts';
import { type Pinning, replaceAnchor } from './anchors.ts';
import { pinPublishedRoot } from './pin-root.ts';
import { openHeld, signAndSubmit } from './sign-and-submit.ts';

export interface OpenCreation {
  readonly repository: string;
  /** What the documents are recomputed from: as this machine sent it, or as a person read and confirmed it. */
  readonly request: CreateRepositoryRequest;
  readonly change: Change;
  /** Keys of this machine that are to sign; none: it has signed already. */
  readonly held: readonly ClientKey[];
  /** Keys elsewhere, opened: on a token. */
  readonly opened?: readonly SigningKey[];
}

export type Completion =
  | { readonly state: 'published'; readonly summary: RepositorySummary; readonly pinning: Pinning }
  | { readonly state: 'open'; readonly change: Change; readonly pinning: Pinning };

/** @throws CliError; TrustClientError, among them CHANGE_MISMATCH and SIGNED_ALREADY */
export async function completeCreation(
  context: Context,
  publisher: PublishClient,
  store: FileKeyStore,
  creation: OpenCreation,
): Promise<Completion> {
  const { repository, request, change, held, opened = [] } = creation;
  const documents = verifyCreation({ repository, request, change, now: context.world.now() });
  const signed =
    held.length + opened.length === 0
      ? change
      : await signAndSubmit(context, publisher, store, {
          change,
          documents,
          keys: [...opened, ...(await openHeld(context, store, held))],
        });
  if (signed.state !== 'published')
    return { state: 'open', change: signed, pinning: await pinRequested(context, repository, request) };
  const pinning = await pinCreated(context, repository, documents);
  return { state: 'published', summary: await publisher.summary(repository), pinning };
}

/** Pins the root that a creation published: the very document that was recomputed here. */
export async function pinCreated(
  context: Context,
  repository: string,
  documents: readonly VerifiedDocument[],
): Promise<Pinning> {
  const { version, sha256 } = rootOf(documents);
  return await pinPublishedRoot(context, { repository, version, messages: [sha256] });
}

/** Ids of the root keys of the dialect `tuf`, which is the one that is pinned, that clients hold; in order. */
export function requestedRootKeys(request: CreateRepositoryRequest): readonly string[] {
  const entries = request.roles?.root?.keys ?? [];
  const ids = entries.flatMap((entry) =>
    entry.custody === 'client' && entry.dialect !== 'notary' ? [tufDialect.toKey(entry.key).keyId] : [],
  );
  return [...new Set(ids)].sort();
}

/** Others have to sign: this machine pins the keys that were asked for, so that their root will be known. */
export async function pinRequested(
  context: Context,
  repository: string,
  request: CreateRepositoryRequest,
): Promise<Pinning> {
  return await replaceAnchor(openCache(context), repository, {
    kind: 'keyIds',
    keyIds: requestedRootKeys(request),
    threshold: request.roles?.root?.threshold ?? 1,
  });
}

function rootOf(documents: readonly VerifiedDocument[]): VerifiedDocument {
  const root = documents.find(({ dialect, role }) => dialect === 'tuf' && role === 'root');
  if (root !== undefined) return root;
  throw new CliError(
    'CHANGE_MISMATCH',
    exitCodes.denied,
    'the change holds no root',
    'do not go on: this is not the server it should be',
  );
}
