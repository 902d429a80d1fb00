/** Roles: custody, threshold, keys, version and expiry. */
import { z } from '@hono/zod-openapi';
import { type ApiRoute, noQuery, readRoute } from '../http/api-route.ts';
import { pageSchema } from '../http/pages.ts';
import { roleNameSchema, roleSchema } from '../schemas/index.ts';
import type { TrustService } from '../service.ts';
import { repositoryParams, roleParams } from './path-params.ts';

const list = '/v2/{repository}/_trust/roles';

export function roleRoutes(service: TrustService): readonly ApiRoute[] {
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
      path: `${list}/{role}`,
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
