/** Path parameters, one percent-encoded segment each (CONTRACTS C2). */
import { z } from '@hono/zod-openapi';
import { digestSchema, keyIdSchema, roleNameSchema, tagSchema } from '../schemas/index.ts';

const repository = z.string().openapi({
  param: { name: 'repository', in: 'path' },
  description:
    'Normalised name, host included. Written with raw slashes, although a template shows one segment.',
  example: 'registry.example.com/shop/web',
});

export const repositoryParams = z.object({ repository });
export const tagParams = z.object({ repository, tag: tagSchema });
export const roleParams = z.object({ repository, role: roleNameSchema });
export const digestParams = z.object({ repository, digest: digestSchema });
export const changeParams = z.object({
  repository,
  id: z.string().regex(/^[A-Za-z0-9_-]{1,64}$/, 'expected the id of a change'),
});
export const keyParams = z.object({ repository, key: keyIdSchema });
export const fleetKeyParams = z.object({ key: keyIdSchema });
export const jobParams = z.object({
  id: z.string().regex(/^[A-Za-z0-9_-]{1,64}$/, 'expected the id of a job'),
});
export const fileParams = z.object({ repository, file: z.string() });
export const noParams = z.object({});
