/** A repository that goes on from another Notary server. */

import { answerEdit } from '../http/answer.ts';
import { type ApiRoute, editRoute, jsonBody } from '../http/api-route.ts';
import { maxImportBodyBytes } from '../http/limits.ts';
import { importRepositorySchema, summarySchema } from '../schemas/index.ts';
import type { TrustService } from '../service.ts';
import { repositoryParams } from './path-params.ts';

export function importRoutes(service: TrustService): readonly ApiRoute[] {
  return [
    editRoute({
      method: 'post',
      path: '/v2/{repository}/_trust/imports',
      permission: 'manage',
      summary: 'Put a repository of another Notary server under trust, with the roots that lead to it',
      params: repositoryParams,
      body: jsonBody(importRepositorySchema, maxImportBodyBytes),
      gate: 'import',
      answers: {
        201: { description: 'Imported', schema: summarySchema },
        200: { description: 'The same was imported before', schema: summarySchema },
      },
      handle: async ({ call, params, body }) => {
        const outcome = await service.importRepository(call, params.repository, body);
        return answerEdit(call, params.repository, outcome, outcome.created ? 201 : 200);
      },
    }),
  ];
}
