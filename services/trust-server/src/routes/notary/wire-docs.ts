/** The routes of the Notary wire as the API's document shows them. */
import { z } from '@hono/zod-openapi';
import { noBody, noQuery, type RouteDoc } from '../../http/api-route.ts';
import { maxUploadBytes } from '../../http/limits.ts';
import { fileParams, noParams, repositoryParams } from '../path-params.ts';
import { ownTokenPath } from './door.ts';

const wire = { query: noQuery, body: noBody, tag: 'notary' } as const;
const text = 'text/plain';
const notFound = { 404: { description: 'METADATA_NOT_FOUND' } };
const challenged = { 401: { description: 'UNAUTHORIZED, with a Bearer challenge' } };
const refused = { 400: { description: 'Refused; `detail.Error.Msg` says why' } };

const feedQuery = z.strictObject({
  records: z
    .string()
    .openapi({ description: 'How many at most; 0 for 100, negative to look backwards', example: '100' }),
  change_id: z.string().optional().openapi({ description: 'Records after this one; -1 for the last ones' }),
});
const feedAnswers = {
  200: { description: '`{"count","records"}`, oldest first', mediaType: text },
  ...refused,
};

export const pingDoc: RouteDoc = {
  ...wire,
  method: 'get',
  path: '/v2/',
  permission: 'open',
  summary: 'What Docker and Notary clients ask first: where to get a token',
  params: noParams,
  answers: { 200: { description: 'The credential is good', mediaType: text }, ...challenged },
};

export const fileDoc: RouteDoc = {
  ...wire,
  method: 'get',
  path: '/v2/{repository}/_trust/tuf/{file}',
  permission: 'metadata',
  summary:
    'A file: <role>.json, <role>.<sha256>.json, <version>.<role>.json; or a key of the service: timestamp.key, snapshot.key. Roles hold slashes',
  params: fileParams,
  answers: {
    200: { description: 'The file, byte for byte as signed, or the public key', mediaType: text },
    304: { description: 'As the client has it' },
    ...challenged,
    ...notFound,
  },
};

export const rotateKeyDoc: RouteDoc = {
  ...wire,
  method: 'post',
  path: '/v2/{repository}/_trust/tuf/{file}',
  permission: 'manage',
  summary: 'A new key for timestamp.key or snapshot.key, until a root lists it',
  params: fileParams,
  answers: { 200: { description: 'The public key', mediaType: text }, ...challenged, ...notFound },
};

export const uploadDoc: RouteDoc = {
  ...wire,
  method: 'post',
  path: '/v2/{repository}/_trust/tuf/',
  permission: 'sign',
  summary: 'Publish signed files, all or nothing; the file name of each part is its role',
  params: repositoryParams,
  body: {
    schema: z.object({ files: z.array(z.string().openapi({ format: 'binary' })) }),
    maxBytes: maxUploadBytes,
    mediaType: 'multipart/form-data',
  },
  answers: { 200: { description: 'Published' }, ...refused, ...challenged },
};

export const endDoc: RouteDoc = {
  ...wire,
  method: 'delete',
  path: '/v2/{repository}/_trust/tuf/',
  permission: 'manage',
  summary: 'End the repository, if it is there',
  params: repositoryParams,
  answers: { 200: { description: 'Ended' }, ...challenged },
};

export const changefeedDoc: RouteDoc = {
  ...wire,
  method: 'get',
  path: '/v2/{repository}/_trust/changefeed',
  permission: 'metadata',
  summary: 'What became current in a repository, and its end',
  params: repositoryParams,
  query: feedQuery,
  answers: feedAnswers,
};

export const fleetChangefeedDoc: RouteDoc = {
  ...wire,
  method: 'get',
  path: '/v2/_trust/changefeed',
  permission: 'read',
  summary: 'The same of all repositories',
  params: noParams,
  query: feedQuery,
  answers: { ...feedAnswers, ...challenged },
};

export const registryTokenDoc: RouteDoc = {
  ...wire,
  method: 'get',
  path: ownTokenPath,
  permission: 'open',
  summary: 'A registry token for who sends an access token as the password of Basic, or for anybody',
  params: noParams,
  query: z.strictObject({
    service: z.string().optional(),
    scope: z.string().optional().openapi({ example: 'repository:registry.example.com/shop/web:push,pull' }),
  }),
  answers: {
    200: {
      description: 'Good for five minutes',
      schema: z.object({
        token: z.string(),
        access_token: z.string(),
        expires_in: z.int(),
        issued_at: z.string().openapi({ format: 'date-time' }),
      }),
    },
    401: { description: 'UNAUTHORIZED: not an access token that is good' },
  },
};

export const notaryHealthDoc: RouteDoc = {
  ...wire,
  method: 'get',
  path: '/_notary_server/health',
  permission: 'open',
  summary: 'Whether the service can serve, as the peer says it',
  params: noParams,
  answers: {
    200: { description: 'It can', schema: z.object({}) },
    503: { description: 'What fails, by name', schema: z.record(z.string(), z.string()) },
  },
};
