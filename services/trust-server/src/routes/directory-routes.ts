/** The organisation's directory: whose root keys which repositories have. */
import { z } from '@hono/zod-openapi';
import { DIRECTORY_NAME } from '@vidimus/reference';
import type { DirectoryService } from '../directory-service.ts';
import { answerEdit } from '../http/answer.ts';
import { type ApiRoute, editRoute, jsonBody, noBody, noQuery, readRoute } from '../http/api-route.ts';
import { pageQuery, pageSchema, toPageBody, toPageRequest } from '../http/pages.ts';
import { entryPublishedSchema, entrySchema, putEntrySchema } from '../schemas/index.ts';
import { repositoryParams } from './path-params.ts';
import { pendingAnswer } from './pending-answer.ts';

const list = '/v2/{repository}/_trust/entries';
const one = `${list}/{pattern}`;

const repository = repositoryParams.shape.repository.refine(
  (name) => name === DIRECTORY_NAME,
  `only ${DIRECTORY_NAME} has entries`,
);
const listParams = z.object({ repository });
const entryParams = z.object({
  repository,
  pattern: z.string().openapi({ example: 'registry.example.com/shop/**' }),
});

export function directoryRoutes(service: DirectoryService): readonly ApiRoute[] {
  return [
    readRoute({
      path: list,
      permission: 'read',
      summary: 'List the entries of the directory',
      params: listParams,
      query: z.strictObject(pageQuery),
      answers: { 200: { description: 'A page of entries', schema: pageSchema(entrySchema) } },
      handle: async ({ query }) => ({
        status: 200,
        body: toPageBody(await service.listEntries(toPageRequest(query))),
      }),
    }),
    readRoute({
      path: one,
      permission: 'read',
      summary: 'Show an entry of the directory',
      params: entryParams,
      query: noQuery,
      answers: { 200: { description: 'The entry', schema: entrySchema } },
      handle: async ({ params }) => ({ status: 200, body: await service.readEntry(params.pattern) }),
    }),
    editRoute({
      method: 'put',
      path: one,
      permission: 'manage',
      summary: 'Name the root keys of the repositories that a pattern matches',
      params: entryParams,
      body: jsonBody(putEntrySchema),
      answers: { 200: { description: 'Published', schema: entryPublishedSchema }, ...pendingAnswer },
      handle: async ({ call, params, body }) =>
        answerEdit(call, params.repository, await service.putEntry(call, params.pattern, body)),
    }),
    editRoute({
      method: 'delete',
      path: one,
      permission: 'manage',
      summary: 'Take an entry away: clients refuse what nothing names',
      params: entryParams,
      body: noBody,
      answers: { 200: { description: 'Published', schema: entryPublishedSchema }, ...pendingAnswer },
      handle: async ({ call, params }) =>
        answerEdit(call, params.repository, await service.deleteEntry(call, params.pattern)),
    }),
  ];
}
