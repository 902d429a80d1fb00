/** Delegations: named parties who vouch for some of the tags. */
import { z } from '@hono/zod-openapi';
import type { DelegationService } from '../delegation-service.ts';
import { answerEdit } from '../http/answer.ts';
import { type ApiRoute, editRoute, jsonBody, noBody, noQuery, readRoute } from '../http/api-route.ts';
import { pageQuery, pageSchema, toPageBody, toPageRequest } from '../http/pages.ts';
import {
  delegationPutSchema,
  delegationRemovedSchema,
  delegationSchema,
  putDelegationSchema,
  roleNameSchema,
} from '../schemas/index.ts';
import { repositoryParams, roleParams } from './path-params.ts';
import { pendingAnswer } from './pending-answer.ts';

const list = '/v2/{repository}/_trust/delegations';
const one = `${list}/{role}`;

export function delegationRoutes(service: DelegationService): readonly ApiRoute[] {
  return [...delegationReads(service), ...delegationEdits(service)];
}

function delegationReads(service: DelegationService): readonly ApiRoute[] {
  return [
    readRoute({
      path: list,
      permission: 'read',
      summary: 'List delegations in the order in which clients ask them',
      params: repositoryParams,
      query: z.strictObject({ ...pageQuery, role: roleNameSchema.optional() }),
      answers: { 200: { description: 'A page of delegations', schema: pageSchema(delegationSchema) } },
      handle: async ({ params, query: { role, ...query } }) => ({
        status: 200,
        body:
          role === undefined
            ? toPageBody(await service.listDelegations(params.repository, toPageRequest(query)))
            : { items: [await service.readDelegation(params.repository, role)], next: null },
      }),
    }),
    readRoute({
      path: one,
      permission: 'read',
      summary: 'Show a delegation',
      params: roleParams,
      query: noQuery,
      answers: { 200: { description: 'The delegation', schema: delegationSchema } },
      handle: async ({ params }) => ({
        status: 200,
        body: await service.readDelegation(params.repository, params.role),
      }),
    }),
  ];
}

function delegationEdits(service: DelegationService): readonly ApiRoute[] {
  return [
    editRoute({
      method: 'put',
      path: one,
      permission: 'manage',
      summary: 'Say who signs which tags: add a delegation, or replace all of it',
      params: roleParams,
      body: jsonBody(putDelegationSchema),
      answers: { 200: { description: 'Published', schema: delegationPutSchema }, ...pendingAnswer },
      handle: async ({ call, params, body }) =>
        answerEdit(
          call,
          params.repository,
          await service.putDelegation(call, params.repository, params.role, body),
        ),
    }),
    editRoute({
      method: 'delete',
      path: one,
      permission: 'manage',
      summary: 'Take a delegation away, with its tags and everything below it',
      params: roleParams,
      body: noBody,
      answers: { 200: { description: 'Published', schema: delegationRemovedSchema }, ...pendingAnswer },
      handle: async ({ call, params }) =>
        answerEdit(
          call,
          params.repository,
          await service.removeDelegation(call, params.repository, params.role),
        ),
    }),
  ];
}
