/** Keys: where they are listed, what their revocation would break, and the revocation. */
import { z } from '@hono/zod-openapi';
import type { Identity } from '@vidimus/access';
import { answerEdit } from '../http/answer.ts';
import { type ApiRoute, editRoute, jsonBody, noQuery, readRoute } from '../http/api-route.ts';
import { pageQuery, pageSchema, toPageBody, toPageRequest } from '../http/pages.ts';
import type { KeyService, MayAccess, RevocationWish } from '../key-service.ts';
import {
  fleetImpactSchema,
  fleetKeySchema,
  jobSchema,
  keyImpactSchema,
  keyRevokedSchema,
  keySchema,
  revokeKeySchema,
} from '../schemas/index.ts';
import { fleetKeyParams, jobParams, keyParams, repositoryParams } from './path-params.ts';
import { pendingAnswer } from './pending-answer.ts';
import { parseReplacement } from './replacement-query.ts';

const list = '/v2/{repository}/_trust/keys';
const one = `${list}/{key}`;
const everywhere = '/v2/_trust/keys/{key}';

const wishQuery = {
  replacement: z
    .string()
    .max(16_384)
    .optional()
    .openapi({ description: '`managed`, `ed25519:<64 hex digits>`, or a key entry as JSON' }),
  threshold: z
    .string()
    .regex(/^[1-9][0-9]?$/, 'expected a threshold')
    .optional(),
  force: z.enum(['true', 'false']).optional(),
} as const;

export function keyRoutes(service: KeyService): readonly ApiRoute[] {
  return [...repositoryKeys(service), ...fleetKeys(service)];
}

function repositoryKeys(service: KeyService): readonly ApiRoute[] {
  return [
    readRoute({
      path: list,
      permission: 'read',
      summary: 'List the keys that roles list or listed',
      params: repositoryParams,
      query: z.strictObject(pageQuery),
      answers: { 200: { description: 'A page of keys', schema: pageSchema(keySchema) } },
      handle: async ({ params, query }) => ({
        status: 200,
        body: toPageBody(await service.listKeys(params.repository, toPageRequest(query))),
      }),
    }),
    readRoute({
      path: one,
      permission: 'read',
      summary: 'Show a key, by any of its ids',
      params: keyParams,
      query: noQuery,
      answers: { 200: { description: 'The key', schema: keySchema } },
      handle: async ({ params }) => ({
        status: 200,
        body: await service.readKey(params.repository, params.key),
      }),
    }),
    readRoute({
      path: `${one}/impact`,
      permission: 'read',
      summary: 'Show what the revocation of a key would break; nothing is changed',
      params: keyParams,
      query: z.strictObject(wishQuery),
      answers: { 200: { description: 'The impact', schema: keyImpactSchema } },
      handle: async ({ params, query }) => ({
        status: 200,
        body: await service.readKeyImpact(params.repository, params.key, toWish(query)),
      }),
    }),
    editRoute({
      method: 'post',
      path: `${one}/revocation`,
      permission: 'manage',
      summary: 'Take a key out of every role that lists it',
      params: keyParams,
      body: jsonBody(revokeKeySchema),
      answers: { 200: { description: 'Published', schema: keyRevokedSchema }, ...pendingAnswer },
      handle: async ({ call, params, body }) =>
        answerEdit(
          call,
          params.repository,
          await service.revokeKey(call, params.repository, params.key, body),
        ),
    }),
  ];
}

function fleetKeys(service: KeyService): readonly ApiRoute[] {
  return [
    readRoute({
      path: everywhere,
      permission: 'read',
      summary: 'Show a key wherever it is listed',
      params: fleetKeyParams,
      query: z.strictObject(pageQuery),
      answers: { 200: { description: 'The key and a page of repositories', schema: fleetKeySchema } },
      handle: async ({ params, query, identity }) => ({
        status: 200,
        body: toPageBody(await service.readFleetKey(params.key, mayOf(identity), toPageRequest(query))),
      }),
    }),
    readRoute({
      path: `${everywhere}/impact`,
      permission: 'read',
      summary: 'Show what the revocation of a key would break in all repositories; nothing is changed',
      params: fleetKeyParams,
      query: z.strictObject({ ...pageQuery, ...wishQuery }),
      answers: {
        200: { description: 'Counts over all, and a page of repositories', schema: fleetImpactSchema },
      },
      handle: async ({ params, query, identity }) => {
        const { limit, cursor, ...wish } = query;
        const page = toPageRequest({ limit, cursor });
        const impact = await service.readFleetImpact(params.key, toWish(wish), mayOf(identity), page);
        return { status: 200, body: toPageBody(impact) };
      },
    }),
    editRoute({
      method: 'post',
      path: `${everywhere}/revocation`,
      permission: 'manage',
      summary: 'Take a key out of every repository that lists it, as a job',
      params: fleetKeyParams,
      body: jsonBody(revokeKeySchema),
      answers: { 202: { description: 'The job, also at Location', schema: jobSchema } },
      handle: async ({ call, params, body, identity }) => {
        const reach = { mayAccess: mayOf(identity), mayAccessAll: identity?.mayAccessAll ?? false };
        const done = await service.revokeKeyEverywhere(call, params.key, body, reach);
        if ('impact' in done) return { status: 200, body: { dryRun: true, impact: done.impact } };
        return {
          status: 202,
          body: done.job,
          headers: { Location: `/v2/_trust/jobs/${encodeURIComponent(done.job.job)}` },
        };
      },
    }),
    readRoute({
      path: '/v2/_trust/jobs/{id}',
      permission: 'read',
      summary: 'Show how far a job has come',
      params: jobParams,
      query: noQuery,
      answers: { 200: { description: 'The job', schema: jobSchema } },
      handle: async ({ params, identity }) => ({
        status: 200,
        body: await service.readJob(params.id, mayOf(identity)),
      }),
    }),
  ];
}

const mayOf = (identity: Identity | undefined): MayAccess => identity?.mayAccess ?? (() => false);

/** @throws TrustError BODY_INVALID */
function toWish(query: {
  readonly replacement?: string | undefined;
  readonly threshold?: string | undefined;
  readonly force?: string | undefined;
}): RevocationWish {
  const replacement = parseReplacement(query.replacement);
  return {
    ...(replacement === undefined ? {} : { replacement }),
    ...(query.threshold === undefined ? {} : { threshold: Number(query.threshold) }),
    ...(query.force === 'true' ? { force: true } : {}),
  };
}
