/**
 * A route as data: what it needs, what it reads, what it answers. One value gives the hono route, its
 * authorisation, its limits and its part of the OpenAPI document, so that none of them can be forgotten.
 */
import { z } from '@hono/zod-openapi';
import type { Identity, Permission } from '@vidimus/access';
import type { JsonValue } from '@vidimus/canonical-json';
import type { Call } from '../service.ts';
import type { Answer } from './answer.ts';
import type { GateName } from './gate.ts';
import { assertPermitted } from './guard.ts';
import { maxBodyBytes } from './limits.ts';
import { validate } from './validate.ts';

export type Method = 'get' | 'put' | 'post' | 'patch' | 'delete';

/** A documented answer; errors are the same everywhere and need no entry. */
export interface AnswerDoc {
  readonly description: string;
  readonly schema?: z.ZodType;
  /** `application/json` when absent. */
  readonly mediaType?: string;
}

/** What a route is, apart from its work. */
export interface RouteDoc {
  readonly method: Method;
  /** With `{name}` parameters, as OpenAPI writes it; one segment each. */
  readonly path: string;
  readonly permission: Permission;
  readonly summary: string;
  /** Under which the document lists it; by its path when absent. */
  readonly tag?: string;
  readonly params: z.ZodObject;
  readonly query: z.ZodObject;
  readonly body: BodySpec<z.ZodType>;
  readonly answers: Readonly<Record<number, AnswerDoc>>;
}

export interface BodySpec<Schema extends z.ZodType> {
  readonly schema: Schema;
  readonly maxBytes: number;
  /** `application/json` when absent. */
  readonly mediaType?: string;
  /** True: no body at all reads as `{}`. */
  readonly mayBeEmpty?: boolean;
}

/** For routes that take no body: the first byte of one is too many. */
export const noBody: BodySpec<z.ZodUndefined> = { schema: z.undefined(), maxBytes: 0 };
export const noQuery = z.strictObject({});

/** A JSON body of the usual size. */
export const jsonBody = <Schema extends z.ZodType>(
  schema: Schema,
  maxBytes = maxBodyBytes,
): BodySpec<Schema> => ({
  schema,
  maxBytes,
});

/** What the pipeline hands to a route: nothing in it is validated except who calls. */
export interface RawInput {
  readonly identity: Identity | undefined;
  readonly call: Call;
  readonly params: Readonly<Record<string, string>>;
  readonly query: Readonly<Record<string, string>>;
  readonly body: JsonValue | undefined;
}

/** A route with the types of its inputs closed over. */
export interface ApiRoute extends RouteDoc {
  readonly gate: GateName;
  /** Members of the answer that are shown once and never kept, not even under an `Idempotency-Key`. */
  readonly secrets?: readonly string[];
  readonly run: (input: RawInput) => Promise<Answer>;
}

/** Query members of every edit. */
export const editQuerySchema = z.strictObject({
  dryRun: z
    .enum(['true', 'false'])
    .optional()
    .openapi({ description: 'Answer what would happen and change nothing.' }),
  supersede: z
    .string()
    .regex(/^[A-Za-z0-9_-]{1,64}$/, 'expected the id of a change')
    .optional()
    .openapi({ description: 'The open change that this edit replaces.' }),
});

export interface ReadSpec<Params extends z.ZodObject, Query extends z.ZodObject>
  extends Omit<RouteDoc, 'method' | 'body'> {
  readonly params: Params;
  readonly query: Query;
  readonly handle: (input: {
    readonly params: z.output<Params>;
    readonly query: z.output<Query>;
    readonly identity: Identity | undefined;
  }) => Promise<Answer>;
}

/** A GET; it answers HEAD, too. */
export function readRoute<Params extends z.ZodObject, Query extends z.ZodObject>(
  spec: ReadSpec<Params, Query>,
): ApiRoute {
  const { handle, ...doc } = spec;
  return {
    ...doc,
    method: 'get',
    body: noBody,
    gate: 'read',
    run: async (input) =>
      await handle({
        params: validate(spec.params, input.params, 'NAME_INVALID', 'path'),
        query: validate(spec.query, input.query, 'BODY_INVALID', 'query'),
        identity: input.identity,
      }),
  };
}

export interface EditSpec<Params extends z.ZodObject, Body extends z.ZodType>
  extends Omit<RouteDoc, 'query'> {
  readonly method: 'put' | 'post' | 'patch' | 'delete';
  readonly params: Params;
  readonly body: BodySpec<Body>;
  readonly gate?: GateName;
  readonly secrets?: readonly string[];
  /** What a particular body needs beside the route's own permission. */
  readonly alsoNeeds?: (input: {
    readonly params: z.output<Params>;
    readonly body: z.output<Body>;
  }) => Permission | undefined;
  readonly handle: (input: {
    readonly call: Call;
    readonly params: z.output<Params>;
    readonly body: z.output<Body>;
    readonly identity: Identity | undefined;
  }) => Promise<Answer>;
}

/** A write: takes `?dryRun=`, `?supersede=`, `If-Match` and `Idempotency-Key`. */
export function editRoute<Params extends z.ZodObject, Body extends z.ZodType>(
  spec: EditSpec<Params, Body>,
): ApiRoute {
  const { handle, alsoNeeds, gate = 'edit', ...doc } = spec;
  return {
    ...doc,
    query: editQuerySchema,
    gate,
    run: async ({ call, identity, ...input }) => {
      const params = validate(spec.params, input.params, 'NAME_INVALID', 'path');
      const body = validate(spec.body.schema, input.body, 'BODY_INVALID', 'body');
      const needed = alsoNeeds?.({ params, body });
      if (needed !== undefined) assertPermitted(identity, needed, input.params['repository']);
      return await handle({ call, params, body, identity });
    },
  };
}
