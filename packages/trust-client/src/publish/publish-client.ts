/** The calls that publish: small typed functions over the REST API of the trust server (CONTRACTS C3, C5). */
import { z } from 'zod';
import { TrustClientError } from '../errors.ts';
import { createHttpClient, type HttpClientOptions } from '../http/http-client.ts';
import { type Administration, administration, type ChangeChoice, openChanges } from './administration.ts';
import {
  type Change,
  ChangeSchema,
  type DigestRevoked,
  DigestRevokedSchema,
  PendingSchema,
  type Published,
  PublishedSchema,
  type RepositorySummary,
  type Revocation,
  RevocationSchema,
  SummarySchema,
  type TagDetail,
  TagDetailSchema,
  type TagPublished,
  TagPublishedSchema,
} from './answers.ts';
import type {
  AddDialectsRequest,
  ApprovalUpload,
  CreateRepositoryRequest,
  EditTagsRequest,
  ImportRepositoryRequest,
  RecoverRequest,
  RevokeDigestRequest,
  SignatureUpload,
  TagRequest,
} from './requests.ts';
import { call, type RestCall, read } from './rest-call.ts';
import { trustPath } from './trust-path.ts';

/** An edit took effect, or waits for signatures. */
export type Outcome<Body> =
  | { readonly outcome: 'done'; readonly body: Body }
  | { readonly outcome: 'pending'; readonly change: Change };

export interface PublishClient extends Administration {
  /** The server's URL, ending in `/`. */
  readonly server: string;
  createRepository(repository: string, request: CreateRepositoryRequest): Promise<Outcome<RepositorySummary>>;
  /** Asked again, it answers the same. */
  addDialects(repository: string, request: AddDialectsRequest): Promise<Outcome<RepositorySummary>>;
  /** The same import again answers the same. @throws TrustClientError REFUSED, with serverCode REPOSITORY_EXISTS for another */
  importRepository(repository: string, request: ImportRepositoryRequest): Promise<RepositorySummary>;
  /** A repository that was restored from a backup goes on. @throws TrustClientError REFUSED, VERSION_UNCERTAIN */
  recover(repository: string, request: RecoverRequest): Promise<RepositorySummary>;
  /** @throws TrustClientError REFUSED with serverCode REPOSITORY_UNKNOWN if there is none */
  summary(repository: string): Promise<RepositorySummary>;
  signTag(
    repository: string,
    tag: string,
    request: TagRequest & { readonly role?: string },
  ): Promise<Outcome<TagPublished>>;
  /** @param role absent: targets */
  revokeTag(repository: string, tag: string, role?: string): Promise<Outcome<Published>>;
  editTags(repository: string, request: EditTagsRequest): Promise<Outcome<Published>>;
  /** Who signed the tag, and who vouches for it, in the server's words. */
  tag(repository: string, tag: string): Promise<TagDetail>;
  revokeDigest(
    repository: string,
    digest: string,
    request: RevokeDigestRequest,
  ): Promise<Outcome<DigestRevoked>>;
  liftRevocation(repository: string, digest: string): Promise<Outcome<Published>>;
  revocations(repository: string): Promise<readonly Revocation[]>;
  changes(repository: string, choice?: ChangeChoice): Promise<readonly Change[]>;
  change(repository: string, id: string): Promise<Change>;
  submitSignatures(repository: string, id: string, signatures: readonly SignatureUpload[]): Promise<Change>;
  /**
   * Agrees to a change of somebody else.
   * @param signatures for a signer of its own that demands them
   * @throws TrustClientError REFUSED, with serverCode DENIED for its author
   */
  approveChange(repository: string, id: string, signatures?: readonly ApprovalUpload[]): Promise<Change>;
  rejectChange(repository: string, id: string): Promise<Change | undefined>;
  close(): void;
}

/** Most pages a listing follows, of at most 1,000 entries each, all of them held in memory. */
const MAX_PAGES = 1_000;
const MAX_PAGE_ITEMS = 1_000;
const MAX_ITEMS = 200_000;

/**
 * Every function throws TrustClientError: REFUSED (the server's rules; `detail.serverCode`), UNAUTHORIZED,
 * UNUSABLE or UNREACHABLE. Repository names are normalised ones.
 */
export function createPublishClient(options: HttpClientOptions): PublishClient {
  const http = createHttpClient(options);
  const ask = async <S extends z.ZodType>(schema: S, request: RestCall): Promise<z.infer<S>> =>
    read(schema, (await call(http, request)).body, http.server);
  const edit = async <S extends z.ZodType>(schema: S, request: RestCall): Promise<Outcome<z.infer<S>>> => {
    const { status, body } = await call(http, request);
    if (status === 202) return { outcome: 'pending', change: read(PendingSchema, body, http.server).change };
    return { outcome: 'done', body: read(schema, body, http.server) };
  };
  const list = async <S extends z.ZodType>(schema: S, path: string): Promise<z.infer<S>[]> => {
    const page = z.object({ items: z.array(schema).max(MAX_PAGE_ITEMS), next: z.string().nullish() });
    const items: z.infer<S>[] = [];
    let cursor: string | null | undefined;
    for (let pages = 0; pages < MAX_PAGES && items.length < MAX_ITEMS; pages += 1) {
      const query = cursor ? `${path.includes('?') ? '&' : '?'}cursor=${encodeURIComponent(cursor)}` : '';
      const answer = await ask(page, { method: 'GET', path: path + query });
      items.push(...answer.items);
      cursor = answer.next;
      if (!cursor) return items;
    }
    throw new TrustClientError('UNUSABLE', `${http.server} never ends its list`, {
      detail: { reason: 'too-large' },
    });
  };

  return {
    ...administration({ ask, edit, list }),
    server: http.server,
    close: http.close,
    createRepository: (repository, body) =>
      edit(SummarySchema, { method: 'PUT', path: trustPath(repository), body }),
    addDialects: (repository, body) =>
      edit(SummarySchema, { method: 'PATCH', path: trustPath(repository), body }),
    importRepository: (repository, body) =>
      ask(SummarySchema, { method: 'POST', path: trustPath(repository, 'imports'), body }),
    recover: (repository, body) =>
      ask(SummarySchema, { method: 'POST', path: trustPath(repository, 'recovery'), body }),
    summary: (repository) => ask(SummarySchema, { method: 'GET', path: trustPath(repository) }),
    signTag: (repository, tag, body) =>
      edit(TagPublishedSchema, { method: 'PUT', path: trustPath(repository, 'tags', tag), body }),
    revokeTag: (repository, tag, role) =>
      edit(PublishedSchema, {
        method: 'DELETE',
        path: trustPath(repository, 'tags', tag),
        ...(role === undefined ? {} : { body: { role } }),
      }),
    editTags: (repository, body) =>
      edit(PublishedSchema, { method: 'POST', path: trustPath(repository, 'tags'), body }),
    tag: (repository, tag) =>
      ask(TagDetailSchema, { method: 'GET', path: trustPath(repository, 'tags', tag) }),
    revokeDigest: (repository, digest, body) =>
      edit(DigestRevokedSchema, { method: 'PUT', path: trustPath(repository, 'revocations', digest), body }),
    liftRevocation: (repository, digest) =>
      edit(PublishedSchema, { method: 'DELETE', path: trustPath(repository, 'revocations', digest) }),
    revocations: (repository) => list(RevocationSchema, trustPath(repository, 'revocations')),
    changes: (repository, choice) =>
      list(ChangeSchema, `${trustPath(repository, 'changes')}${openChanges(choice)}`),
    change: (repository, id) =>
      ask(ChangeSchema, { method: 'GET', path: trustPath(repository, 'changes', id) }),
    submitSignatures: (repository, id, signatures) =>
      ask(ChangeSchema, {
        method: 'POST',
        path: trustPath(repository, 'changes', id, 'signatures'),
        body: { signatures },
      }),
    approveChange: (repository, id, signatures = []) =>
      ask(ChangeSchema, {
        method: 'POST',
        path: trustPath(repository, 'changes', id, 'approvals'),
        ...(signatures.length === 0 ? {} : { body: { signatures } }),
      }),
    rejectChange: (repository, id) =>
      ask(ChangeSchema.optional(), { method: 'DELETE', path: trustPath(repository, 'changes', id) }),
  };
}
