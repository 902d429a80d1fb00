/** A restored repository goes on (DESIGN, "Restore"). */
import { answerEdit } from '../http/answer.ts';
import { type ApiRoute, editRoute, jsonBody } from '../http/api-route.ts';
import { maxImportBodyBytes } from '../http/limits.ts';
import type { RecoveryService } from '../recovery-service.ts';
import { recoverSchema, summarySchema } from '../schemas/index.ts';
import { repositoryParams } from './path-params.ts';

export function recoveryRoutes(service: RecoveryService): readonly ApiRoute[] {
  return [
    editRoute({
      method: 'post',
      path: '/v2/{repository}/_trust/recovery',
      permission: 'manage',
      summary: 'Say how far a repository had come that was restored from a backup; it then publishes again',
      params: repositoryParams,
      body: jsonBody(recoverSchema, maxImportBodyBytes),
      gate: 'import',
      answers: { 200: { description: 'It publishes again', schema: summarySchema } },
      handle: async ({ call, params, body }) =>
        answerEdit(call, params.repository, await service.recoverRepository(call, params.repository, body)),
    }),
  ];
}
