/** The repository itself: summary, creation, another dialect, end of an incarnation. */
import { answerEdit } from '../http/answer.ts';
import { type ApiRoute, editRoute, jsonBody, noBody, noQuery, readRoute } from '../http/api-route.ts';
import { addDialectsSchema, createRepositorySchema, endedSchema, summarySchema } from '../schemas/index.ts';
import type { TrustService } from '../service.ts';
import { repositoryParams } from './path-params.ts';
import { pendingAnswer } from './pending-answer.ts';

const path = '/v2/{repository}/_trust';

export function repositoryRoutes(service: TrustService): readonly ApiRoute[] {
  return [
    readRoute({
      path,
      permission: 'read',
      summary: 'Show a repository: roles, custody, versions, expiry, problems',
      params: repositoryParams,
      query: noQuery,
      answers: { 200: { description: 'The repository', schema: summarySchema } },
      handle: async ({ params }) => ({ status: 200, body: await service.readRepository(params.repository) }),
    }),
    editRoute({
      method: 'put',
      path,
      permission: 'manage',
      summary: 'Put a repository under trust',
      params: repositoryParams,
      body: { ...jsonBody(createRepositorySchema), mayBeEmpty: true },
      answers: {
        201: { description: 'Created', schema: summarySchema },
        200: { description: 'The same repository was there', schema: summarySchema },
        ...pendingAnswer,
      },
      handle: async ({ call, params, body }) => {
        const outcome = await service.createRepository(call, params.repository, body);
        const created = outcome.outcome === 'done' && outcome.created;
        return answerEdit(call, params.repository, outcome, created ? 201 : 200);
      },
    }),
    editRoute({
      method: 'patch',
      path,
      permission: 'manage',
      summary: 'Publish in another dialect, too',
      params: repositoryParams,
      body: jsonBody(addDialectsSchema),
      answers: {
        200: { description: 'The repository with these dialects', schema: summarySchema },
        ...pendingAnswer,
      },
      handle: async ({ call, params, body }) =>
        answerEdit(call, params.repository, await service.addDialects(call, params.repository, body)),
    }),
    editRoute({
      method: 'delete',
      path,
      permission: 'manage',
      summary: 'End the incarnation; its roots stay served',
      params: repositoryParams,
      body: noBody,
      answers: { 200: { description: 'Ended', schema: endedSchema }, ...pendingAnswer },
      handle: async ({ call, params }) =>
        answerEdit(call, params.repository, await service.endRepository(call, params.repository)),
    }),
  ];
}
