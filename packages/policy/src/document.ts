/** From one file to one typed document, every complaint with its line and column. */
import { printable } from '@vidimus/reference';
import type { z } from 'zod';
import { API_VERSION } from './decision.ts';
import { PolicyError, type PolicyErrorCode } from './errors.ts';
import { LATER_KEYS, RULE_KINDS } from './schema.ts';
import { type PolicySource, parseYaml, type YamlSource } from './yaml-source.ts';

const KINDS = ['TrustPolicy', 'TrustSigners', 'TrustBundle', 'TrustTest'] as const;
export type Kind = (typeof KINDS)[number];
const MAX_ERRORS = 20;

/** The kind a file declares. Test files may merge maps with `<<`. */
export interface ReadSource {
  readonly kind: Kind;
  readonly yaml: YamlSource;
}

/**
 * Reads a file and finds out which kind it is.
 *
 * @throws PolicyError LIMIT, YAML_INVALID, KIND_UNKNOWN, SCHEMA_INVALID
 */
export function readSource(source: PolicySource): ReadSource {
  const yaml = parseYaml(source, { merge: false });
  const kindText = member(yaml.data, 'kind');
  const kind = KINDS.find((one) => one === kindText);
  if (member(yaml.data, 'apiVersion') !== API_VERSION) {
    throw new PolicyError('KIND_UNKNOWN', `apiVersion must be ${API_VERSION}`, yaml.position(['apiVersion']));
  }
  if (kind === undefined) {
    throw new PolicyError('KIND_UNKNOWN', `kind must be one of ${KINDS.join(', ')}`, yaml.position(['kind']));
  }
  return { kind, yaml: kind === 'TrustTest' ? parseYaml(source, { merge: true }) : yaml };
}

/** Checks a document against its schema: the typed value, or what is wrong with it. */
export function checkDocument<Schema extends z.ZodType>(
  schema: Schema,
  yaml: YamlSource,
):
  | { readonly value: z.output<Schema>; readonly errors?: never }
  | { readonly errors: readonly PolicyError[] } {
  const result = schema.safeParse(yaml.data);
  if (result.success) return { value: result.data };
  const { issues } = result.error;
  const unknownKeys = issues
    .filter((issue) => issue.code === 'unrecognized_keys')
    .map((issue) => issue.path.join('.'));
  // What a whole object lacks says nothing while it has a key too many.
  const telling = issues.filter(
    (issue) => issue.code !== 'custom' || !unknownKeys.includes(issue.path.join('.')),
  );
  return { errors: telling.slice(0, MAX_ERRORS).flatMap((issue) => toErrors(issue, yaml)) };
}

function toErrors(issue: z.core.$ZodIssue, yaml: YamlSource): PolicyError[] {
  const where = issue.path.map(String).join('.');
  if (issue.code === 'unrecognized_keys') {
    return issue.keys.map((key) => unknownKey(key, issue.path, where, yaml));
  }
  // The branch of a union that fits best says more than "invalid".
  const inner = issue.code === 'invalid_union' ? unionComplaint(issue, yaml) : undefined;
  if (inner !== undefined) return inner;
  const code = policyCodeOf(issue);
  return [new PolicyError(code, printable(`${where}: ${issue.message}`), yaml.position(issue.path))];
}

function unionComplaint(issue: z.core.$ZodIssueInvalidUnion, yaml: YamlSource): PolicyError[] | undefined {
  const branches = issue.errors.filter((branch) => branch.every((one) => one.path.length > 0));
  const [only] = branches;
  if (only === undefined || branches.length !== 1) return undefined;
  return only.flatMap((one) => toErrors({ ...one, path: [...issue.path, ...one.path] }, yaml));
}

function unknownKey(key: string, path: readonly PropertyKey[], where: string, yaml: YamlSource): PolicyError {
  const shown = printable(key, 64);
  const position = yaml.keyPosition(path, key);
  if (LATER_KEYS.has(key)) {
    return new PolicyError('RULE_UNKNOWN', `${where}: "${shown}" is not supported by this version`, position);
  }
  if (path[path.length - 1] === 'require') {
    return new PolicyError(
      'RULE_UNKNOWN',
      `${where}: "${shown}" is no rule kind (${RULE_KINDS.join(', ')})`,
      position,
    );
  }
  return new PolicyError(
    'SCHEMA_INVALID',
    `${where === '' ? '' : `${where}: `}unknown key "${shown}"`,
    position,
  );
}

function policyCodeOf(issue: z.core.$ZodIssue): PolicyErrorCode {
  return issue.code === 'custom' && issue.params?.['policyCode'] === 'PATTERN_INVALID'
    ? 'PATTERN_INVALID'
    : 'SCHEMA_INVALID';
}

function member(data: unknown, key: string): unknown {
  if (typeof data !== 'object' || data === null || !Object.hasOwn(data, key)) return undefined;
  return Object.entries(data).find(([one]) => one === key)?.[1];
}
