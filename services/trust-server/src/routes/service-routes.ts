/** Health, metrics and the description of the API: routes about the service itself. */
import { z } from '@hono/zod-openapi';
import { noBody, noQuery, type RouteDoc } from '../http/api-route.ts';
import { metadataPath } from './metadata-routes.ts';
import { fileParams, noParams } from './path-params.ts';
import { targetPath } from './target-routes.ts';

const plain = { method: 'get', params: noParams, query: noQuery, body: noBody } as const;
const readiness = z.object({ ready: z.boolean(), checks: z.record(z.string(), z.string()) });

export const healthDoc: RouteDoc = {
  ...plain,
  path: '/healthz',
  permission: 'open',
  summary: 'The process runs',
  answers: { 200: { description: 'It does', schema: z.object({ status: z.literal('ok') }) } },
};

export const readyDoc: RouteDoc = {
  ...plain,
  path: '/readyz',
  permission: 'open',
  summary: 'The service can serve: database, keys, nothing past half-life',
  answers: {
    200: { description: 'Ready', schema: readiness },
    503: { description: 'Not ready', schema: readiness },
  },
};

export const metricsDoc: RouteDoc = {
  ...plain,
  path: '/metrics',
  permission: 'observe',
  summary: 'Metrics in the Prometheus text format',
  answers: { 200: { description: 'The metrics', mediaType: 'text/plain' } },
};

export const openApiDoc: RouteDoc = {
  ...plain,
  path: '/openapi.json',
  permission: 'open',
  summary: 'This document',
  answers: { 200: { description: 'OpenAPI 3.1', schema: z.object({}) } },
};

export const docsDoc: RouteDoc = {
  ...plain,
  path: '/docs',
  permission: 'open',
  summary: 'This document as a page',
  answers: { 200: { description: 'The page', mediaType: 'text/html' } },
};

export const metadataDoc: RouteDoc = {
  ...plain,
  path: metadataPath,
  permission: 'metadata',
  summary: 'Signed metadata: timestamp.json, <version>.<role>.json',
  params: fileParams,
  answers: {
    200: { description: 'The file, byte for byte as signed', schema: z.object({}) },
    304: { description: 'As the client has it' },
    404: { description: 'No such file' },
  },
};

export const targetDoc: RouteDoc = {
  ...plain,
  path: targetPath,
  permission: 'metadata',
  summary: 'Bytes of a manifest for stock TUF clients: <sha256>.<tag>',
  params: fileParams,
  answers: {
    200: { description: 'The bytes, checked', mediaType: 'application/octet-stream' },
    304: { description: 'As the client has it' },
    404: { description: 'Not vouched for, or not to be had; the detail says which' },
  },
};
