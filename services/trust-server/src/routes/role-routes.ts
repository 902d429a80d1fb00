/** Roles: custody, threshold, keys, version and expiry. */
import { z } from '@hono/zod-openapi';
import { answerEdit } from '../http/answer.ts';
import { type ApiRoute, editRoute, jsonBody, noQuery, readRoute } from '../http/api-route.ts';
import { pageSchema } from '../http/pages.ts';
import {
  patchRoleSchema,
  roleNameSchema,
  roleRotatedSchema,
  roleSchema,
  rotateRoleSchema,
} from '../schemas/index.ts';
import type { TrustService } from '../service.ts';
import { repositoryParams, roleParams } from './path-params.ts';
import { pendingAnswer } from './pending-answer.ts';

const list = '/v2/{repository}/_trust/roles';
const one = `${list}/{role}`;

export function roleRoutes(service: TrustService): readonly ApiRoute[] {
  return [...roleReads(service), ...roleEdits(service)];
}

function roleReads(service: TrustService): readonly ApiRoute[] {
  return [
    readRoute({
      path: list,
      permission: 'read',
      summary: 'List roles',
      params: repositoryParams,
      // A role name may hold slashes: those who would rather not encode them ask by query.
      query: z.strictObject({ role: roleNameSchema.optional() }),
      answers: { 200: { description: 'All roles on one page', schema: pageSchema(roleSchema) } },
      handle: async ({ params, query }) => ({
        status: 200,
        body: {
          items:
            query.role === undefined
              ? await service.listRoles(params.repository)
              : [await service.readRole(params.repository, query.role)],
          next: null,
        },
      }),
    }),
    readRoute({
      path: one,
      permission: 'read',
      summary: 'Show a role',
      params: roleParams,
      query: noQuery,
      answers: { 200: { description: 'The role', schema: roleSchema } },
      handle: async ({ params }) => ({
        status: 200,
        body: await service.readRole(params.repository, params.role),
      }),
    }),
  ];
}

const rotatedAnswers = {
  200: { description: 'What was published, and the role as it is now', schema: roleRotatedSchema },
  ...pendingAnswer,
};

function roleEdits(service: TrustService): readonly ApiRoute[] {
  return [
    editRoute({
      method: 'post',
      path: `${one}/rotations`,
      permission: 'manage',
      summary: 'Give a role other keys, in every dialect that has it',
      params: roleParams,
      body: jsonBody(rotateRoleSchema),
      answers: rotatedAnswers,
      handle: async ({ call, params: { repository, role }, body }) =>
        answerEdit(call, repository, await service.rotateRole(call, repository, role, body)),
    }),
    editRoute({
      method: 'patch',
      path: one,
      permission: 'manage',
      summary: 'Give a role another threshold or lifetime',
      params: roleParams,
      body: jsonBody(patchRoleSchema),
      answers: rotatedAnswers,
      handle: async ({ call, params: { repository, role }, body }) =>
        answerEdit(call, repository, await service.patchRole(call, repository, role, body)),
    }),
  ];
}
