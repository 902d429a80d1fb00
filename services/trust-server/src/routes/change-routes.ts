/** Changes: proposed metadata, and the signatures it waits for (CONTRACTS C5). */
import { z } from '@hono/zod-openapi';
import { type Identity, isPermitted } from '@vidimus/access';
import type { Answer } from '../http/answer.ts';
import { type ApiRoute, editRoute, jsonBody, noBody, noQuery, readRoute } from '../http/api-route.ts';
import { assertPermitted } from '../http/guard.ts';
import { pageQuery, pageSchema, toPageBody, toPageRequest } from '../http/pages.ts';
import {
  approveChangeSchema,
  type Change,
  changeSchema,
  changeStateSchema,
  signChangeSchema,
} from '../schemas/index.ts';
import { type Call, type ChangeFilter, TrustError, type TrustService } from '../service.ts';
import { changeParams, noParams, repositoryParams } from './path-params.ts';

const list = '/v2/{repository}/_trust/changes';
const one = `${list}/{id}`;
const listQuery = z.strictObject({
  ...pageQuery,
  state: changeStateSchema.optional(),
  mine: z.enum(['true', 'false']).optional().openapi({
    description:
      'true: open changes that wait for the caller. Those that lack signatures, where the caller may post some and has posted none; and those that lack approvals, where the caller may approve, is not the author and has not approved.',
  }),
});

export function changeRoutes(service: TrustService): readonly ApiRoute[] {
  return [...changeReads(service), ...changeEdits(service)];
}

function changeReads(service: TrustService): readonly ApiRoute[] {
  return [
    readRoute({
      path: list,
      permission: 'read',
      summary: 'List changes',
      params: repositoryParams,
      query: listQuery,
      answers: { 200: { description: 'A page of changes', schema: pageSchema(changeSchema) } },
      handle: async ({ params, query, identity }) => {
        const filter = toFilter(query, identity);
        const page = await service.listChanges(params.repository, filter, toPageRequest(query));
        return { status: 200, body: toPageBody(page) };
      },
    }),
    readRoute({
      path: '/v2/_trust/changes',
      permission: 'read',
      summary: 'List changes of all repositories that the caller may read, newest first',
      params: noParams,
      query: listQuery,
      answers: {
        200: {
          description: 'A page of changes; one with large documents may be short',
          schema: pageSchema(changeSchema),
        },
      },
      handle: async ({ query, identity }) => {
        const filter = { ...toFilter(query, identity), mayRead: identity?.mayAccess ?? (() => false) };
        return { status: 200, body: toPageBody(await service.listAllChanges(filter, toPageRequest(query))) };
      },
    }),
    readRoute({
      path: one,
      permission: 'read',
      summary: 'Show a change: the exact bytes to sign, who may, who has',
      params: changeParams,
      query: noQuery,
      answers: { 200: { description: 'The change', schema: changeSchema } },
      handle: async ({ params }) => ({
        status: 200,
        body: await service.readChange(params.repository, params.id),
      }),
    }),
  ];
}

function changeEdits(service: TrustService): readonly ApiRoute[] {
  return [
    editRoute({
      method: 'post',
      path: `${one}/signatures`,
      permission: 'cosign',
      summary: 'Add signatures; at the threshold the change publishes itself',
      params: changeParams,
      body: jsonBody(signChangeSchema),
      answers: { 200: { description: 'The change', schema: changeSchema } },
      handle: async ({ call, params, body }) =>
        answerChange(call, await service.signChange(call, params.repository, params.id, body)),
    }),
    editRoute({
      method: 'post',
      path: `${one}/approvals`,
      permission: 'approve',
      summary: 'Agree to a change of somebody else; with the last signature and approval it is carried out',
      params: changeParams,
      body: { ...jsonBody(approveChangeSchema), mayBeEmpty: true },
      answers: { 200: { description: 'The change', schema: changeSchema } },
      handle: async ({ call, params, body }) =>
        answerChange(call, await service.approveChange(call, params.repository, params.id, body)),
    }),
    editRoute({
      method: 'delete',
      path: one,
      permission: 'reject',
      summary: 'Reject a change',
      params: changeParams,
      body: noBody,
      answers: { 200: { description: 'The change', schema: changeSchema } },
      handle: async ({ call, params, identity }) => {
        const { createdBy } = await service.readChange(params.repository, params.id);
        if (createdBy !== call.actor) assertPermitted(identity, 'approve', params.repository);
        return answerChange(call, await service.rejectChange(call, params.repository, params.id));
      },
    }),
  ];
}

/** @throws TrustError BODY_INVALID */
function toFilter(
  { state, mine }: Pick<z.output<typeof listQuery>, 'state' | 'mine'>,
  identity: Identity | undefined,
): ChangeFilter {
  if (mine !== 'true') return state === undefined ? {} : { state };
  if (state !== undefined && state !== 'open') {
    throw new TrustError('BODY_INVALID', 'query, mine: only open changes wait for anybody');
  }
  const may = (permission: 'cosign' | 'approve') => (repository: string) =>
    identity !== undefined && isPermitted(identity, permission, repository);
  const waitingFor = { actor: identity?.actor ?? '', maySign: may('cosign'), mayApprove: may('approve') };
  return { state: 'open', waitingFor };
}

function answerChange(call: Call, change: Change): Answer {
  return { status: 200, body: call.dryRun === true ? { ...change, dryRun: true } : change };
}
