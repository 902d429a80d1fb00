/** The log of events, of one repository and of all. */
import { z } from '@hono/zod-openapi';
import { type ApiRoute, readRoute } from '../http/api-route.ts';
import { pageQuery, pageSchema, toPageBody, toPageRequest } from '../http/pages.ts';
import { auditEventSchema } from '../schemas/index.ts';
import type { TrustService } from '../service.ts';
import { noParams, repositoryParams } from './path-params.ts';

const answers = {
  200: { description: 'A page of events, newest first', schema: pageSchema(auditEventSchema) },
};

export function auditRoutes(service: TrustService): readonly ApiRoute[] {
  return [
    readRoute({
      path: '/v2/{repository}/_trust/audit',
      permission: 'audit',
      summary: 'List the events of a repository',
      params: repositoryParams,
      query: z.strictObject(pageQuery),
      answers,
      handle: async ({ params, query }) => ({
        status: 200,
        body: toPageBody(await service.readAudit({ repository: params.repository }, toPageRequest(query))),
      }),
    }),
    readRoute({
      path: '/v2/_trust/audit',
      permission: 'audit',
      summary: 'List the events of all repositories, and of the service itself',
      params: noParams,
      query: z.strictObject(pageQuery),
      answers,
      handle: async ({ query, identity }) => {
        // What is of no repository concerns whoever answers for all of them.
        const mayRead = (repository: string): boolean =>
          (repository === '' ? identity?.mayAccessAll : identity?.mayAccess(repository)) ?? false;
        return { status: 200, body: toPageBody(await service.readAudit({ mayRead }, toPageRequest(query))) };
      },
    }),
  ];
}
