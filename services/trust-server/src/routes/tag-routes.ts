/** Tags: who vouches for which digest, and edits of that. */
import { z } from '@hono/zod-openapi';
import { answerEdit } from '../http/answer.ts';
import { type ApiRoute, editRoute, jsonBody, noQuery, readRoute } from '../http/api-route.ts';
import { maxBatchBodyBytes } from '../http/limits.ts';
import { pageQuery, pageSchema, toPageBody, toPageRequest } from '../http/pages.ts';
import {
  auditEventSchema,
  editTagsSchema,
  putTagSchema,
  revokeTagSchema,
  tagDetailSchema,
  tagEntrySchema,
  tagPublishedSchema,
  tagRevokedSchema,
  tagsEditedSchema,
} from '../schemas/index.ts';
import type { TrustService } from '../service.ts';
import { neededInDirectory } from './directory-rule.ts';
import { repositoryParams, tagParams } from './path-params.ts';
import { pendingAnswer } from './pending-answer.ts';

const list = '/v2/{repository}/_trust/tags';
const one = `${list}/{tag}`;

export function tagRoutes(service: TrustService): readonly ApiRoute[] {
  return [...tagReads(service), ...tagEdits(service)];
}

function tagReads(service: TrustService): readonly ApiRoute[] {
  return [
    readRoute({
      path: list,
      permission: 'read',
      summary: 'List tags',
      params: repositoryParams,
      query: z.strictObject(pageQuery),
      answers: { 200: { description: 'A page of tags', schema: pageSchema(tagEntrySchema) } },
      handle: async ({ params, query }) => ({
        status: 200,
        body: toPageBody(await service.listTags(params.repository, toPageRequest(query))),
      }),
    }),
    readRoute({
      path: one,
      permission: 'read',
      summary: 'Show who vouches for a tag',
      params: tagParams,
      query: noQuery,
      answers: { 200: { description: 'The tag', schema: tagDetailSchema } },
      handle: async ({ params }) => ({
        status: 200,
        body: await service.readTag(params.repository, params.tag),
      }),
    }),
    readRoute({
      path: `${one}/history`,
      permission: 'audit',
      summary: 'Show what happened to a tag, newest first',
      params: tagParams,
      query: z.strictObject(pageQuery),
      answers: { 200: { description: 'A page of events', schema: pageSchema(auditEventSchema) } },
      handle: async ({ params, query }) => ({
        status: 200,
        body: toPageBody(await service.readTagHistory(params.repository, params.tag, toPageRequest(query))),
      }),
    }),
  ];
}

function tagEdits(service: TrustService): readonly ApiRoute[] {
  return [
    editRoute({
      method: 'post',
      path: list,
      permission: 'sign',
      summary: 'Sign and revoke tags in one publish, all or nothing',
      params: repositoryParams,
      body: jsonBody(editTagsSchema, maxBatchBodyBytes),
      gate: 'batch',
      alsoNeeds: ({ params, body }) => neededInDirectory(params.repository, body.role),
      answers: { 200: { description: 'Published', schema: tagsEditedSchema }, ...pendingAnswer },
      handle: async ({ call, params, body }) =>
        answerEdit(call, params.repository, await service.editTags(call, params.repository, body)),
    }),
    editRoute({
      method: 'put',
      path: one,
      permission: 'sign',
      alsoNeeds: ({ params, body }) => neededInDirectory(params.repository, body.role),
      summary: 'Vouch for a digest under a tag',
      params: tagParams,
      body: jsonBody(putTagSchema),
      answers: { 200: { description: 'Published', schema: tagPublishedSchema }, ...pendingAnswer },
      handle: async ({ call, params, body }) =>
        answerEdit(call, params.repository, await service.putTag(call, params.repository, params.tag, body)),
    }),
    editRoute({
      method: 'delete',
      path: one,
      permission: 'revokeTag',
      alsoNeeds: ({ params, body }) => neededInDirectory(params.repository, body.role),
      summary: 'Revoke a tag',
      params: tagParams,
      body: { ...jsonBody(revokeTagSchema), mayBeEmpty: true },
      answers: { 200: { description: 'Published', schema: tagRevokedSchema }, ...pendingAnswer },
      handle: async ({ call, params, body }) =>
        answerEdit(
          call,
          params.repository,
          await service.deleteTag(call, params.repository, params.tag, body.role),
        ),
    }),
  ];
}
