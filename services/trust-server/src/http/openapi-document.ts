/** The OpenAPI 3.1 document, generated from the schemas that validate. */
import { OpenAPIHono, z } from '@hono/zod-openapi';
import type { AnswerDoc, ApiRoute, RouteDoc } from './api-route.ts';

export type OpenApiDocument = ReturnType<OpenAPIHono['getOpenAPI31Document']>;

const errorsSchema = z
  .object({
    errors: z.array(
      z.object({
        code: z.string(),
        message: z.string(),
        detail: z.record(z.string(), z.unknown()).optional(),
      }),
    ),
  })
  .openapi('Errors');

const editHeaders = z.object({
  'Idempotency-Key': z.string().max(255).optional().openapi({
    description: 'The same key with the same request gets the same answer for 24 hours.',
  }),
  'If-Match': z.string().optional().openapi({
    description: 'Refuse (409 VERSION_CONFLICT) unless this is the current version of the role.',
    example: '"targets:57"',
  }),
});

const requestIdHeader = z.object({ 'X-Request-Id': z.string().max(128).optional() });

/** @param version - of the program */
export function createOpenApiDocument(routes: readonly RouteDoc[], version: string): OpenApiDocument {
  const app = new OpenAPIHono();
  app.openAPIRegistry.registerComponent('securitySchemes', 'token', { type: 'http', scheme: 'bearer' });
  for (const route of routes) {
    app.openAPIRegistry.registerPath({
      method: route.method,
      path: route.path,
      summary: route.summary,
      tags: [route.tag ?? tagOf(route.path)],
      security: needsToken(route) ? [{ token: [] }] : [],
      request: {
        params: route.params,
        query: route.query,
        headers: route.method === 'get' ? requestIdHeader : requestIdHeader.extend(editHeaders.shape),
        ...(route.body.maxBytes === 0
          ? {}
          : {
              body: {
                required: route.body.mayBeEmpty !== true,
                content: { [route.body.mediaType ?? 'application/json']: { schema: route.body.schema } },
              },
            }),
      },
      responses: {
        ...toResponses(route.answers),
        default: { description: 'Refused or failed', ...json(errorsSchema) },
      },
    });
  }
  return app.getOpenAPI31Document({
    openapi: '3.1.0',
    info: {
      title: 'Vidimus trust server',
      version,
      description: 'Which digest should this tag be, who says so, and may I pull it?',
    },
  });
}

function toResponses(answers: ApiRoute['answers']): Record<string, object & { description: string }> {
  return Object.fromEntries(
    Object.entries(answers).map(([status, answer]) => [
      status,
      { description: answer.description, ...toContent(answer) },
    ]),
  );
}

function toContent(answer: AnswerDoc): object {
  if (answer.schema !== undefined) return json(answer.schema);
  return answer.mediaType === undefined ? {} : { content: { [answer.mediaType]: { schema: z.string() } } };
}

const json = (schema: z.ZodType) => ({ content: { 'application/json': { schema } } });

const needsToken = (route: RouteDoc): boolean =>
  route.permission !== 'open' && route.permission !== 'metadata';

/** The part of the interface a path belongs to: its first fixed segment. */
function tagOf(path: string): string {
  if (!path.startsWith('/v2/')) return 'service';
  if (path.startsWith('/v2/_trust/')) return 'fleet';
  return path.split('/')[4] ?? 'repository';
}
