/** From policy files to a bundle, or to everything that is wrong with them. A bundle with one error is none. */
import { compileGlob } from '@vidimus/reference';
import type { Bundle, CompiledPolicy, CompiledRule } from './bundle.ts';
import { checkDocument, readSource } from './document.ts';
import { PolicyError, type SourcePosition } from './errors.ts';
import { buildIndex } from './policy-index.ts';
import { judgeMetadata } from './rules/metadata.ts';
import { judgeReference } from './rules/reference.ts';
import { judgeRegistry } from './rules/registry.ts';
import { judgeRevocation } from './rules/revocation.ts';
import type { Judge } from './rules/rule-kind.ts';
import { judgeSignatures, requirementsOf } from './rules/signatures.ts';
import {
  bundleSchema,
  policySchema,
  signersSchema,
  type TrustBundle,
  type TrustPolicy,
  type TrustRule,
  type TrustSigners,
} from './schema.ts';
import type { Party, Signer, SignersIndex } from './signers.ts';
import type { PolicySource, YamlSource } from './yaml-source.ts';

const MAX_SOURCES = 2_000;
const MAX_TOTAL_RULES = 10_000;
const LOCAL_NAME = 'local';
const IMPLIED_RULE = 'not-revoked';

interface Read<Value> {
  readonly value: Value;
  readonly yaml: YamlSource;
}

interface Documents {
  readonly policies: Read<TrustPolicy>[];
  readonly signers: Read<TrustSigners>[];
  readonly bundles: Read<TrustBundle>[];
  readonly errors: PolicyError[];
}

export type CompileResult =
  | { readonly bundle: Bundle; readonly errors?: never }
  | { readonly errors: readonly PolicyError[]; readonly bundle?: never };

/**
 * Compiles TrustPolicy, TrustSigners and TrustBundle files; TrustTest files are passed over.
 *
 * `digest` is what the bundle's distributor says of its bytes; it is printed in decisions. `onUnknown` holds for
 * rules that write none and whose kind may let unknown evidence pass (`reference`); the others deny, always.
 */
export function compilePolicies(
  sources: readonly PolicySource[],
  options: { readonly digest?: string; readonly onUnknown?: CompiledRule['onUnknown'] } = {},
): CompileResult {
  const documents = readAll(sources);
  const { errors } = documents;
  const signers = indexSigners(documents);
  assertUnique(documents);
  const policies = documents.policies.map((read) => compilePolicy(read, signers, errors, options.onUnknown));
  const rules = policies.reduce((sum, policy) => sum + policy.rules.length, 0);
  const [bundleFile] = documents.bundles;
  if (rules > MAX_TOTAL_RULES) errors.push(limitError(sources, `more than ${MAX_TOTAL_RULES} rules`));
  if (errors.length > 0) return { errors };

  const order = new Map(policies.map((policy, position) => [policy, position]));
  const index = buildIndex(policies.map((policy) => [policy, policy.images]));
  const excludes = new Map(
    policies.map((policy) => [policy, policy.exclude.map((pattern) => compileGlob(pattern))]),
  );
  return {
    bundle: {
      name: bundleFile?.value.metadata.name ?? LOCAL_NAME,
      version: bundleFile?.value.metadata.version ?? 0,
      digest: options.digest ?? null,
      unmatched: bundleFile?.value.spec.unmatched ?? 'deny',
      policies,
      signers,
      select: (repository, action) => {
        const found = index.find(repository);
        if (found.size === 0) return [];
        return [...found]
          .filter((policy) => policy.actions === undefined || policy.actions.includes(action))
          .filter((policy) => excludes.get(policy)?.some((matches) => matches(repository)) !== true)
          .sort((a, b) => (order.get(a) ?? 0) - (order.get(b) ?? 0));
      },
    },
  };
}

function readAll(sources: readonly PolicySource[]): Documents {
  const documents: Documents = { policies: [], signers: [], bundles: [], errors: [] };
  if (sources.length > MAX_SOURCES) {
    documents.errors.push(limitError(sources, `more than ${MAX_SOURCES} files`));
    return documents;
  }
  for (const source of sources) {
    try {
      readOne(source, documents);
    } catch (error) {
      if (!(error instanceof PolicyError)) throw error;
      documents.errors.push(error);
    }
  }
  return documents;
}

function readOne(source: PolicySource, documents: Documents): void {
  const { kind, yaml } = readSource(source);
  const { policies, signers, bundles, errors } = documents;
  if (kind === 'TrustPolicy') keep(policies, checkDocument(policySchema, yaml), yaml, errors);
  if (kind === 'TrustSigners') keep(signers, checkDocument(signersSchema, yaml), yaml, errors);
  if (kind === 'TrustBundle') keep(bundles, checkDocument(bundleSchema, yaml), yaml, errors);
}

function keep<Value>(
  list: Read<Value>[],
  result: { readonly value: Value; readonly errors?: never } | { readonly errors: readonly PolicyError[] },
  yaml: YamlSource,
  errors: PolicyError[],
): void {
  if (result.errors === undefined) list.push({ value: result.value, yaml });
  else errors.push(...result.errors);
}

function assertUnique({ policies, bundles, errors }: Documents): void {
  const seen = new Set<string>();
  for (const { value, yaml } of policies) {
    const { name } = value.metadata;
    if (seen.has(name)) errors.push(duplicate(`a policy named ${name}`, yaml.position(['metadata', 'name'])));
    seen.add(name);
  }
  const second = bundles[1];
  if (second !== undefined) errors.push(duplicate('a TrustBundle', second.yaml.position(['kind'])));
}

function indexSigners({ signers: files, errors }: Documents): SignersIndex {
  const signers = new Map<string, Signer>();
  const parties = new Map<string, Party>();
  // One key under two names would let one person stand for two.
  const owners = new Map<string, string>();
  for (const { value, yaml } of files) {
    for (const [name, { keys = [], delegation }] of Object.entries(value.signers)) {
      const position = yaml.position(['signers', name]);
      if (signers.has(name)) errors.push(duplicate(`a signer named ${name}`, position));
      const claims = [
        ...keys.map((key) => `key ${key}`),
        ...(delegation === undefined ? [] : [`delegation ${delegation}`]),
      ];
      for (const claim of claims) {
        const owner = owners.get(claim);
        if (owner !== undefined) errors.push(duplicate(`the ${claim}, of ${owner},`, position));
        owners.set(claim, name);
      }
      signers.set(name, { name, keyIds: keys, ...(delegation === undefined ? {} : { delegation }) });
    }
  }
  for (const { value, yaml } of files) {
    for (const [name, party] of Object.entries(value.parties)) {
      const position = yaml.position(['parties', name]);
      if (parties.has(name)) errors.push(duplicate(`a party named ${name}`, position));
      const members = [...new Set(party.signers)].map((member, index) => {
        const signer = signers.get(member);
        if (signer === undefined) {
          const at = yaml.position(['parties', name, 'signers', index]);
          errors.push(new PolicyError('SIGNER_UNKNOWN', `party ${name}: no signer is named ${member}`, at));
        }
        return signer;
      });
      if (members.length < party.signers.length) errors.push(duplicate(`a member of ${name}`, position));
      parties.set(name, {
        name,
        threshold: party.threshold,
        signers: members.filter((one) => one !== undefined),
      });
    }
  }
  return { signers, parties };
}

function compilePolicy(
  { value, yaml }: Read<TrustPolicy>,
  signers: SignersIndex,
  errors: PolicyError[],
  onUnknown: CompiledRule['onUnknown'] = 'deny',
): CompiledPolicy {
  const { name } = value.metadata;
  const ids = new Set<string>();
  const rules = value.spec.rules.map((rule, index): CompiledRule => {
    const path = ['spec', 'rules', index];
    if (ids.has(rule.id)) errors.push(duplicate(`a rule ${rule.id}`, yaml.position([...path, 'id'])));
    ids.add(rule.id);
    errors.push(...unknownParties(rule, path, yaml, signers));
    return {
      id: rule.id,
      label: `${name}/${rule.id}`,
      severity: rule.severity,
      onUnknown: rule.onUnknown ?? ('reference' in rule.require ? onUnknown : 'deny'),
      require: rule.require,
      judge: judgeOf(rule.require),
      source: yaml.position(path),
    };
  });
  const { mode, match } = value.spec;
  return {
    name,
    mode,
    images: match.images,
    exclude: match.exclude,
    ...(match.actions === undefined ? {} : { actions: match.actions }),
    rules: [...rules, ...impliedRules(name, ids, rules)],
    source: yaml.position([]),
  };
}

/**
 * Whoever relies on trust data relies on its revocations: a digest taken back is refused although no rule of the
 * policy names `revocation`, as gravely as the gravest rule that trusts the data.
 */
function impliedRules(
  name: string,
  ids: ReadonlySet<string>,
  rules: readonly CompiledRule[],
): readonly CompiledRule[] {
  const relying = rules.filter(({ require }) => 'signatures' in require || 'metadata' in require);
  const [first] = relying;
  if (first === undefined || rules.some(({ require }) => 'revocation' in require)) return [];
  const id = ids.has(IMPLIED_RULE) ? `${IMPLIED_RULE}-implied` : IMPLIED_RULE;
  const { source } = relying.find((rule) => rule.severity === 'error') ?? first;
  const severity = relying.some((rule) => rule.severity === 'error') ? 'error' : 'warn';
  const require = { revocation: { revoked: 'deny' } } as const;
  const base = { id, label: `${name}/${id}`, severity, onUnknown: 'deny', implied: true, source } as const;
  return [{ ...base, require, judge: judgeOf(require) }];
}

/** The schema lets exactly one through. */
function judgeOf(require: TrustRule['require']): Judge {
  if (require.registry !== undefined) return judgeRegistry(require.registry);
  if (require.reference !== undefined) return judgeReference(require.reference);
  if (require.signatures !== undefined) return judgeSignatures(require.signatures);
  if (require.metadata !== undefined) return judgeMetadata(require.metadata);
  return judgeRevocation();
}

function unknownParties(
  rule: TrustRule,
  path: readonly PropertyKey[],
  yaml: YamlSource,
  signers: SignersIndex,
): PolicyError[] {
  const { signatures } = rule.require;
  if (signatures === undefined) return [];
  const joint = 'allOf' in signatures ? 'allOf' : 'anyOf';
  return requirementsOf(signatures).flatMap((one, index) => {
    if (!('party' in one) || signers.parties.has(one.party)) return [];
    const at = yaml.position([...path, 'require', 'signatures', joint, index, 'party']);
    return [
      new PolicyError('SIGNER_UNKNOWN', `no TrustSigners has a party named ${JSON.stringify(one.party)}`, at),
    ];
  });
}

function duplicate(what: string, source: SourcePosition): PolicyError {
  return new PolicyError('NAME_DUPLICATE', `${what} is here twice`, source);
}

function limitError(sources: readonly PolicySource[], message: string): PolicyError {
  return new PolicyError('LIMIT', message, { file: sources[0]?.file ?? '', line: 1, column: 1 });
}
