/**
 * The edit that a change describes, read strictly: what is not understood to the last member is not signed. Every
 * kind has its one method and path below its own repository.
 */
import { isDigest, isTag } from '@vidimus/reference';
import { z } from 'zod';
import type { Change } from './answers.ts';
import { mismatch } from './offered-document.ts';

const keyEntry = z.discriminatedUnion('custody', [
  z.strictObject({ custody: z.literal('managed'), algorithm: z.string().optional() }),
  z.strictObject({
    custody: z.literal('client'),
    dialect: z.enum(['tuf', 'notary']).optional(),
    key: z.record(z.string(), z.json()),
  }),
]);
export type DescribedKey = z.infer<typeof keyEntry>;

const threshold = z.int().min(1).optional();
const expiresAfter = z
  .string()
  .regex(/^[0-9]{1,9}[smhd]$/)
  .optional();
const tagFields = {
  digest: z.string().refine((text) => isDigest(text) && text.startsWith('sha256:')),
  size: z.int().min(1),
  mediaType: z.string().optional(),
  platforms: z.array(z.string()).optional(),
  custom: z.record(z.string(), z.json()).optional(),
};
const tagName = z.string().refine(isTag);

const rotation = z.strictObject({
  to: z.array(keyEntry).min(1),
  threshold,
  expiresAfter,
  reason: z.string().optional(),
});
const roleTerms = z.strictObject({ threshold, expiresAfter, reason: z.string().optional() });
const delegation = z.strictObject({
  signers: z.array(z.strictObject({ name: z.string(), keys: z.array(keyEntry).min(1) })).min(1),
  threshold: z.int().min(1),
  paths: z.array(z.string()).min(1),
  terminating: z.boolean().optional(),
  expiresAfter,
});
const putTag = z.strictObject({ ...tagFields, role: z.string().optional() });
const taggedEntry = z.strictObject({ tag: tagName, ...tagFields });
const postTags = z.strictObject({
  role: z.string().optional(),
  sign: z.array(taggedEntry).optional(),
  revoke: z.array(tagName).optional(),
});
const deletedTag = z.strictObject({ role: z.string().optional() });
const revocation = z.strictObject({
  reason: z.string(),
  link: z.string().optional(),
  scope: z.enum(['repository', 'organisation']).optional(),
});
const keyRevocation = z.strictObject({
  reason: z.string(),
  compromisedSince: z.string().optional(),
  replacement: keyEntry.optional(),
  threshold,
  force: z.boolean().optional(),
  expect: z.looseObject({}).optional(),
});

const directoryEntry = z.record(z.string(), z.json());

export type DescribedTag = z.infer<typeof taggedEntry>;
export type DescribedDelegation = z.infer<typeof delegation>;
export type DescribedKeyRevocation = z.infer<typeof keyRevocation>;

export type DescribedEdit =
  | { readonly kind: 'rotation'; readonly role: string; readonly body: z.infer<typeof rotation> }
  | { readonly kind: 'terms'; readonly role: string; readonly body: z.infer<typeof roleTerms> }
  | { readonly kind: 'delegate'; readonly role: string; readonly body: DescribedDelegation }
  | { readonly kind: 'undelegate'; readonly role: string }
  | {
      readonly kind: 'tags';
      readonly role: string;
      readonly sign: readonly DescribedTag[];
      readonly revoke: readonly string[];
    }
  | { readonly kind: 'revokeDigest'; readonly digest: string; readonly body: z.infer<typeof revocation> }
  | { readonly kind: 'liftDigest'; readonly digest: string }
  | { readonly kind: 'revokeKey'; readonly keyId: string; readonly body: DescribedKeyRevocation }
  /** An entry of the directory; without a body it is taken away. */
  | {
      readonly kind: 'entry';
      readonly pattern: string;
      readonly body: z.infer<typeof directoryEntry> | undefined;
    }
  /** Roles that are signed anew as they are; which, the documents say. */
  | { readonly kind: 'resign' };

/**
 * @throws TrustClientError CHANGE_MISMATCH for an edit of another repository, of a kind that is not the change's, or
 * with anything in it that this client does not know
 */
export function describedEdit({ repository, kind, edit }: Change): DescribedEdit {
  const segments = segmentsBelow(repository, edit.path);
  // Its documents say nothing but what is there already; the path tells only what brought it about.
  if (kind === 'resign') return { kind: 'resign' };
  const described = read(edit.method, segments, edit.body);
  if (described === undefined || !kindsOf[described.kind].includes(kind)) {
    throw mismatch(`${edit.method} ${edit.path} is no edit of the kind ${kind} that this client knows`);
  }
  return described;
}

/** Which kinds of change an edit may come as. */
const kindsOf: Readonly<Record<DescribedEdit['kind'], readonly string[]>> = {
  rotation: ['rotation'],
  terms: ['rotation'],
  delegate: ['delegation'],
  undelegate: ['delegation'],
  tags: ['tags'],
  revokeDigest: ['revocation'],
  liftDigest: ['revocation'],
  revokeKey: ['key'],
  entry: ['directory'],
  resign: ['resign'],
};

/** Kinds of change that can be recomputed from the present state. */
export const VERIFIABLE_KINDS: ReadonlySet<string> = new Set(Object.values(kindsOf).flat());

function read(method: string, path: readonly string[], body: unknown): DescribedEdit | undefined {
  const [collection, name, tail, ...rest] = path;
  if (rest.length > 0) return undefined;
  const route = `${method} ${[collection, ...(name === undefined ? [] : ['*']), ...(tail === undefined ? [] : [tail])].join('/')}`;
  if (route === 'POST tags') {
    const { role = 'targets', sign = [], revoke = [] } = parse(postTags, body);
    return { kind: 'tags', role, sign, revoke };
  }
  if (name === undefined) return undefined;
  switch (route) {
    case 'POST roles/*/rotations':
      return { kind: 'rotation', role: name, body: parse(rotation, body) };
    case 'PATCH roles/*':
      return { kind: 'terms', role: name, body: parse(roleTerms, body) };
    case 'PUT delegations/*':
      return { kind: 'delegate', role: name, body: parse(delegation, body) };
    case 'DELETE delegations/*':
      return { kind: 'undelegate', role: name };
    case 'PUT tags/*': {
      const { role = 'targets', ...entry } = parse(putTag, body);
      return { kind: 'tags', role, sign: [parse(taggedEntry, { tag: name, ...entry })], revoke: [] };
    }
    case 'DELETE tags/*':
      return {
        kind: 'tags',
        role: parse(deletedTag, body ?? {}).role ?? 'targets',
        sign: [],
        revoke: [name],
      };
    case 'PUT revocations/*':
      return { kind: 'revokeDigest', digest: name, body: parse(revocation, body) };
    case 'DELETE revocations/*':
      return { kind: 'liftDigest', digest: name };
    case 'POST keys/*/revocation':
      return { kind: 'revokeKey', keyId: name, body: parse(keyRevocation, body) };
    case 'PUT entries/*':
      return { kind: 'entry', pattern: name, body: parse(directoryEntry, body) };
    case 'DELETE entries/*':
      return { kind: 'entry', pattern: name, body: undefined };
    default:
      return undefined;
  }
}

/** The percent-decoded segments behind `/v2/<repository>/_trust/`. */
function segmentsBelow(repository: string, path: string): readonly string[] {
  const prefix = `/v2/${repository}/_trust/`;
  if (!path.startsWith(prefix)) throw mismatch(`its edit ${path} is not one of ${repository}`);
  try {
    return path.slice(prefix.length).split('/').map(decodeURIComponent);
  } catch (cause) {
    throw mismatch('its edit has a path that cannot be read', cause);
  }
}

function parse<Schema extends z.ZodType>(schema: Schema, body: unknown): z.infer<Schema> {
  const result = schema.safeParse(body);
  if (result.success) return result.data;
  throw mismatch('the request it describes is none that this client knows', result.error);
}
