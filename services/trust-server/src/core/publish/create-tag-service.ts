/** The use cases of tags and revoked digests: intents that are published at once, or become changes for their signers. */
import type { Database } from '@vidimus/database';
import { DIRECTORY_NAME } from '@vidimus/reference';
import { type Call, type Outcome, TrustError, type TrustService } from '../../service.ts';
import { toChange } from '../changes/change-answer.ts';
import { done, pending } from '../outcomes.ts';
import { readTagHistory } from '../read/audit.ts';
import type { Readers } from '../read/repository-view.ts';
import { listRevocations, listTags, readRevocation, readTag, toTagEntry } from '../read/tags.ts';
import type { RepositoryRow } from '../store/repositories.ts';
import { TAG_ROLE } from '../store/tags.ts';
import { guarded } from '../trust-errors.ts';
import type { ListedTag } from './board.ts';
import { toOutcome } from './intent-answer.ts';
import { type AskedEdit, type Intent, type IntentAnswer, type IntentRequest, othersSign } from './intents.ts';
import { proposeIntent } from './propose-intent.ts';
import type { Published } from './publication.ts';
import type { Publisher } from './publisher.ts';

export type TagService = Pick<
  TrustService,
  | 'listTags'
  | 'readTag'
  | 'readTagHistory'
  | 'putTag'
  | 'deleteTag'
  | 'editTags'
  | 'listRevocations'
  | 'readRevocation'
  | 'revokeDigest'
  | 'liftRevocation'
>;

export type TagParts = Parameters<typeof proposeIntent>[0] & {
  readonly database: Database;
  readonly publisher: Publisher;
  readonly readers: Readers;
  readonly onPublished: (row: RepositoryRow, published: Published) => void;
};

export function createTagService(parts: TagParts): TagService {
  const { publisher, readers, now, onPublished } = parts;
  const { db } = parts.database;

  const edit = async <Body>(
    call: Call,
    repository: string,
    asked: AskedEdit,
    intent: Intent,
    toBody: (answer: IntentAnswer) => Body,
  ): Promise<Outcome<Body>> => {
    const request = { call, intent, asked };
    const answer = await publisher.submit(repository, request);
    if (answer === othersSign) return await propose(request, repository, toBody);
    if (answer.change === undefined || !answer.changesNothing) {
      return done(call, toBody(answer), answer.impact);
    }
    return pending(call, toChange(answer.change.change, answer.change.managed, now()));
  };
  const propose = async <Body>(
    request: IntentRequest,
    repository: string,
    toBody: (answer: IntentAnswer) => Body,
  ): Promise<Outcome<Body>> =>
    await guarded(async () => {
      const { call } = request;
      const { verdict, carried, versions } = await proposeIntent(parts, repository, request);
      if (carried?.outcome === 'published') onPublished(carried.row, carried.published);
      const opened = carried?.outcome === 'published' ? undefined : carried?.change;
      if (carried !== undefined && carried.outcome !== 'published' && opened !== undefined) {
        return pending(call, toChange(opened, carried.managed, now()));
      }
      const made = carried?.outcome === 'published' ? carried.published.versions : versions;
      const answer = toOutcome(verdict, made);
      if (answer instanceof TrustError) throw answer;
      return done(call, toBody(answer), answer.impact);
    });
  return {
    listTags: (repository, page) => guarded(() => listTags(db, repository, page)),
    readTag: (repository, tag) => guarded(() => readTag(readers, db, repository, tag)),
    readTagHistory: (repository, tag, page) => guarded(() => readTagHistory(db, repository, tag, page)),
    putTag: async (call, repository, tag, body) => {
      const { role, ...entry } = body;
      return await edit(
        call,
        repository,
        askedFor('PUT', repository, ['tags', tag], body),
        { kind: 'tags', role: role ?? TAG_ROLE, sign: [{ tag, ...entry }], revoke: [] },
        ({ versions }) => ({
          ...toTagEntry({ tag, ...entry, ...(role === undefined ? {} : { listedBy: role }) }),
          versions: { ...versions },
          published: { ...versions },
        }),
      );
    },
    deleteTag: (call, repository, tag, role) =>
      edit(
        call,
        repository,
        askedFor('DELETE', repository, ['tags', tag], role === undefined ? null : { role }),
        { kind: 'tags', role, sign: [], revoke: [tag] },
        ({ versions, stillServed }) => ({ tag, ...toldServed(stillServed), published: { ...versions } }),
      ),
    editTags: async (call, repository, body) => {
      const { role, sign = [], revoke = [] } = body;
      return await edit(
        call,
        repository,
        askedFor('POST', repository, ['tags'], body),
        { kind: 'tags', role: role ?? TAG_ROLE, sign, revoke },
        ({ versions, stillServed }) => ({
          signed: sign.map(({ tag }) => tag),
          revoked: [...revoke],
          ...toldServed(stillServed),
          published: { ...versions },
        }),
      );
    },

    listRevocations: (repository, page) => guarded(() => listRevocations(readers, db, repository, page)),
    readRevocation: (repository, digest) => guarded(() => readRevocation(readers, db, repository, digest)),
    revokeDigest: async (call, repository, digest, { reason, link, scope }) => {
      if (scope === 'organisation' && repository !== DIRECTORY_NAME) {
        throw new TrustError('BODY_INVALID', 'organisation-wide revocations are signed in the directory', {
          scope,
        });
      }
      const intent: Intent = { kind: 'revokeDigest', digest, reason, link };
      const body = { reason, ...(link === undefined ? {} : { link }) };
      const asked = askedFor('PUT', repository, ['revocations', digest], body);
      return await edit(call, repository, asked, intent, ({ versions, tags, stillServed, change }) => ({
        published: { ...versions },
        tags: [...tags],
        stillServed: [...stillServed],
        ...(change === undefined ? {} : { openChange: change.change.id }),
      }));
    },
    liftRevocation: (call, repository, digest) =>
      edit(
        call,
        repository,
        askedFor('DELETE', repository, ['revocations', digest], null),
        { kind: 'liftDigest', digest },
        ({ versions }) => ({ digest, published: { ...versions } }),
      ),
  };
}

/** What a change says was asked for: a path without a query, each segment percent-encoded. */
function askedFor(method: string, repository: string, segments: readonly string[], body: unknown): AskedEdit {
  const path = segments.map((segment) => `/${encodeURIComponent(segment)}`).join('');
  return { method, path: `/v2/${repository}/_trust${path}`, body };
}

function toldServed(stillServed: IntentAnswer['stillServed']): { readonly stillServed?: ListedTag[] } {
  return stillServed.length === 0 ? {} : { stillServed: [...stillServed] };
}
