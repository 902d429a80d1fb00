/** Digests that must not be pulled, whatever vouches for them. */
import { z } from '@hono/zod-openapi';
import { DIRECTORY_NAME } from '@vidimus/reference';
import { answerEdit } from '../http/answer.ts';
import { type ApiRoute, editRoute, jsonBody, noBody, noQuery, readRoute } from '../http/api-route.ts';
import { assertPermitted } from '../http/guard.ts';
import { pageQuery, pageSchema, toPageBody, toPageRequest } from '../http/pages.ts';
import {
  digestRevokedSchema,
  revocationLiftedSchema,
  revocationSchema,
  revokeDigestSchema,
} from '../schemas/index.ts';
import { TrustError, type TrustService } from '../service.ts';
import { digestParams, repositoryParams } from './path-params.ts';
import { pendingAnswer } from './pending-answer.ts';

const list = '/v2/{repository}/_trust/revocations';
const one = `${list}/{digest}`;

export function revocationRoutes(service: TrustService): readonly ApiRoute[] {
  return [...revocationReads(service), ...revocationEdits(service)];
}

function revocationReads(service: TrustService): readonly ApiRoute[] {
  return [
    readRoute({
      path: list,
      permission: 'read',
      summary: 'List revoked digests',
      params: repositoryParams,
      query: z.strictObject(pageQuery),
      answers: { 200: { description: 'A page of revocations', schema: pageSchema(revocationSchema) } },
      handle: async ({ params, query }) => ({
        status: 200,
        body: toPageBody(await service.listRevocations(params.repository, toPageRequest(query))),
      }),
    }),
    readRoute({
      path: one,
      permission: 'read',
      summary: 'Show why a digest is revoked',
      params: digestParams,
      query: noQuery,
      answers: { 200: { description: 'The revocation', schema: revocationSchema } },
      handle: async ({ params }) => {
        const revocation = await service.readRevocation(params.repository, params.digest);
        if (revocation === undefined)
          throw new TrustError('METADATA_UNKNOWN', 'the digest is not revoked here');
        return { status: 200, body: revocation };
      },
    }),
  ];
}

function revocationEdits(service: TrustService): readonly ApiRoute[] {
  return [
    editRoute({
      method: 'put',
      path: one,
      permission: 'revokeDigest',
      summary: 'Revoke a digest and take away every tag that names it',
      params: digestParams,
      body: jsonBody(revokeDigestSchema),
      answers: { 200: { description: 'Published', schema: digestRevokedSchema }, ...pendingAnswer },
      handle: async ({ call, params, body: { scope, ...body }, identity }) => {
        const repository = scope === 'organisation' ? DIRECTORY_NAME : params.repository;
        // Whoever may revoke here must not thereby speak for the whole organisation.
        if (repository !== params.repository) assertPermitted(identity, 'revokeDigest', repository);
        return answerEdit(
          call,
          repository,
          await service.revokeDigest(call, repository, params.digest, body),
        );
      },
    }),
    editRoute({
      method: 'delete',
      path: one,
      permission: 'revokeDigest',
      summary: 'Take a revocation back; tags do not return',
      params: digestParams,
      body: noBody,
      answers: { 200: { description: 'Published', schema: revocationLiftedSchema }, ...pendingAnswer },
      handle: async ({ call, params }) =>
        answerEdit(
          call,
          params.repository,
          await service.liftRevocation(call, params.repository, params.digest),
        ),
    }),
  ];
}
