/** A plan as the change keeps it, in JSON: what its documents are made again from. */
import type { JsonObject, JsonValue } from '@vidimus/canonical-json';
import type {
  DelegationEdits,
  DialectEdit,
  DialectName,
  Key,
  RoleKeySet,
  Target,
  TargetEdits,
} from '@vidimus/tuf';
import { z } from 'zod';
import { codecOf } from '../dialects.ts';
import { type SettingsPart, settingsPartSchema } from '../store/repository-settings.ts';
import type { TagRow } from '../store/tags.ts';
import type { EditPart, EditPlan, PlannedTags } from './edit-plan.ts';

const jsonObject = z.custom<JsonObject>(
  (value) => typeof value === 'object' && value !== null && !Array.isArray(value),
);
/** Written by this program; no more is asked of it. */
const jsonValue = z.custom<JsonValue>((value) => value !== undefined);
const keySetSchema = z.strictObject({ keys: z.array(jsonObject), threshold: z.int() });
const topLevelSchema = z.enum(['root', 'targets', 'snapshot', 'timestamp']);
const targetSchema = z.strictObject({
  path: z.string(),
  length: z.int(),
  hashes: z.array(z.tuple([z.string(), z.string()])),
  custom: jsonValue.optional(),
});
const delegationSchema = z.strictObject({
  ...keySetSchema.shape,
  name: z.string(),
  paths: z.array(z.string()),
  pathPrefixes: z.array(z.string()).optional(),
  terminating: z.boolean(),
});
const editSchema = z.strictObject({
  roles: z.array(z.tuple([topLevelSchema, keySetSchema])),
  renewRoot: z.boolean(),
  delegations: z.array(
    z.strictObject({
      of: z.string(),
      set: z.array(delegationSchema),
      remove: z.array(z.string()),
      keep: z.array(z.string()),
    }),
  ),
  targets: z.array(
    z.strictObject({ role: z.string(), set: z.array(targetSchema), remove: z.array(z.string()) }),
  ),
  resign: z.array(z.string()),
});
const dialectSchema = z.enum(['tuf', 'notary']);
const tagSchema = z.strictObject({
  tag: z.string(),
  digest: z.string(),
  size: z.int(),
  mediaType: z.string().optional(),
  platforms: z.array(z.string()).optional(),
  custom: jsonObject.optional(),
  sinceMs: z.int(),
  sinceVersion: z.int(),
  actor: z.string(),
  change: z.string().optional(),
  listedBy: z.string().optional(),
});
const eventSchema = z.strictObject({
  action: z.string(),
  before: jsonValue.optional(),
  after: jsonValue.optional(),
  tags: z.array(z.string()).optional(),
  roles: z.array(z.string()).optional(),
});
const planSchema = z.strictObject({
  parts: z.array(
    z.strictObject({
      dialect: dialectSchema,
      edit: editSchema,
      /** Lifetimes of the documents, milliseconds, by role. */
      lifetimesMs: z.array(z.tuple([z.string(), z.int()])),
    }),
  ),
  issuedMs: z.int(),
  made: z.array(z.string()),
  retire: z.array(z.string()),
  settings: settingsPartSchema.optional(),
  signers: z.record(z.string(), z.string()),
  event: eventSchema,
  tags: z.strictObject({ set: z.array(tagSchema), remove: z.array(z.string()) }).optional(),
});

/** A part with the lifetimes its documents were made with. */
export interface StoredPart extends EditPart {
  readonly lifetimesMs: ReadonlyMap<string, number>;
}

/** What is left of a plan once its change is stored. */
export interface StoredPlan {
  readonly parts: readonly StoredPart[];
  /** The time of the documents, milliseconds since 1970. */
  readonly issuedMs: number;
  /** Ids of keys that were made for it. */
  readonly made: readonly string[];
  readonly retire: readonly string[];
  readonly settings?: SettingsPart;
  readonly signers: Readonly<Record<string, string>>;
  readonly event: EditPlan['event'];
  readonly tags?: PlannedTags;
}

export function toStoredPlan(plan: EditPlan, parts: readonly StoredPart[], issuedMs: number): StoredPlan {
  const { settings, tags } = plan;
  return {
    parts,
    issuedMs,
    made: (plan.made ?? []).map(({ key }) => key.keyId),
    retire: plan.retire ?? [],
    ...(settings === undefined ? {} : { settings }),
    signers: plan.signers ?? {},
    event: plan.event,
    ...(tags === undefined ? {} : { tags }),
  };
}

/** For the column. */
export function printPlan(plan: StoredPlan): unknown {
  return {
    ...plan,
    parts: plan.parts.map(({ dialect, edit, lifetimesMs }) => ({
      dialect,
      edit: printEdit(edit),
      lifetimesMs: [...lifetimesMs],
    })),
  };
}

/** Undefined for a change of before there were plans, and for creations and dialects. */
export function parsePlan(value: unknown): StoredPlan | undefined {
  if (value === undefined || value === null) return undefined;
  const { parts, settings, tags, event, ...plan } = planSchema.parse(value);
  return {
    ...plan,
    parts: parts.map(({ dialect, edit, lifetimesMs }) => ({
      dialect,
      edit: parseEdit(dialect, edit),
      lifetimesMs: new Map(lifetimesMs),
    })),
    event: toEvent(event),
    ...(settings === undefined ? {} : { settings }),
    ...(tags === undefined ? {} : { tags: { ...tags, set: tags.set.map(toTag) } }),
  };
}

function printEdit(edit: DialectEdit): z.input<typeof editSchema> {
  const { delegations = new Map<string, DelegationEdits>(), targets = new Map<string, TargetEdits>() } = edit;
  const roles: z.input<typeof editSchema>['roles'] = [];
  for (const role of topLevelSchema.options) {
    const set = edit.roles?.[role];
    if (set !== undefined) roles.push([role, printKeys(set)]);
  }
  return {
    roles,
    renewRoot: edit.renewRoot === true,
    delegations: Array.from(delegations, ([of, { set = [], remove = [], keep = [] }]) => ({
      of,
      set: set.map(({ name, paths, pathPrefixes, terminating, ...keys }) => ({
        name,
        paths: [...paths],
        ...(pathPrefixes === undefined ? {} : { pathPrefixes: [...pathPrefixes] }),
        terminating,
        ...printKeys(keys),
      })),
      remove: [...remove],
      keep: [...keep],
    })),
    targets: Array.from(targets, ([role, { set = [], remove = [] }]) => ({
      role,
      set: set.map(({ hashes, custom, ...target }) => ({
        ...target,
        hashes: [...hashes],
        ...(custom === undefined ? {} : { custom }),
      })),
      remove: [...remove],
    })),
    resign: [...(edit.resign ?? [])],
  };
}

function printKeys({ keys, threshold }: RoleKeySet): z.input<typeof keySetSchema> {
  return { keys: keys.map(({ declared }) => declared), threshold };
}

function parseEdit(dialect: DialectName, edit: z.output<typeof editSchema>): DialectEdit {
  const toKeys = ({ keys, threshold }: z.output<typeof keySetSchema>): RoleKeySet => ({
    keys: keys.map((declared): Key => codecOf(dialect).toKey(declared)),
    threshold,
  });
  return {
    roles: Object.fromEntries(edit.roles.map(([role, set]) => [role, toKeys(set)])),
    ...(edit.renewRoot ? { renewRoot: true } : {}),
    delegations: new Map(
      edit.delegations.map(({ of, set, remove, keep }): [string, DelegationEdits] => [
        of,
        {
          set: set.map(({ keys, threshold, pathPrefixes, ...spec }) => ({
            ...spec,
            ...(pathPrefixes === undefined ? {} : { pathPrefixes }),
            ...toKeys({ keys, threshold }),
          })),
          remove,
          keep,
        },
      ]),
    ),
    targets: new Map(
      edit.targets.map(({ role, set, remove }): [string, TargetEdits] => [
        role,
        { set: set.map(toTarget), remove },
      ]),
    ),
    resign: new Set(edit.resign),
  };
}

function toTarget({ hashes, custom, ...target }: z.output<typeof targetSchema>): Target {
  return { ...target, hashes: new Map(hashes), ...(custom === undefined ? {} : { custom }) };
}

function toEvent({ action, before, after, tags, roles }: z.output<typeof eventSchema>): EditPlan['event'] {
  return {
    action,
    ...(before === undefined ? {} : { before }),
    ...(after === undefined ? {} : { after }),
    ...(tags === undefined ? {} : { tags }),
    ...(roles === undefined ? {} : { roles }),
  };
}

function toTag({
  mediaType,
  platforms,
  custom,
  change,
  listedBy,
  ...row
}: z.output<typeof tagSchema>): TagRow {
  return {
    ...row,
    ...(mediaType === undefined ? {} : { mediaType }),
    ...(platforms === undefined ? {} : { platforms }),
    ...(custom === undefined ? {} : { custom }),
    ...(change === undefined ? {} : { change }),
    ...(listedBy === undefined ? {} : { listedBy }),
  };
}
