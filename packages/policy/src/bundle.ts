/** Policies ready to judge with: patterns indexed, rules made into functions, every position kept. */
import type { SourcePosition } from './errors.ts';
import type { Action } from './facts.ts';
import type { Judge } from './rules/rule-kind.ts';
import type { TrustRule } from './schema.ts';
import type { SignersIndex } from './signers.ts';

export interface CompiledRule {
  readonly id: string;
  /** `policy/rule`. */
  readonly label: string;
  readonly severity: 'error' | 'warn';
  readonly onUnknown: 'deny' | 'warn' | 'allow';
  readonly require: TrustRule['require'];
  /** Not written in the policy; see `impliedRules`. */
  readonly implied?: boolean;
  readonly judge: Judge;
  readonly source: SourcePosition;
}

export interface CompiledPolicy {
  readonly name: string;
  /** `audit` and `shadow` are judged and noted, and never change a decision. */
  readonly mode: 'enforce' | 'warn' | 'audit' | 'shadow';
  readonly images: readonly string[];
  readonly exclude: readonly string[];
  /** Undefined: every action. */
  readonly actions?: readonly Action[];
  readonly rules: readonly CompiledRule[];
  readonly source: SourcePosition;
}

/** What `compilePolicies` makes; immutable, safe to share. */
export interface Bundle {
  readonly name: string;
  readonly version: number;
  /** Of the bundle's bytes, as its distributor says; null for loose files. */
  readonly digest: string | null;
  readonly unmatched: 'deny' | 'warn' | 'allow';
  /** In the order of the sources. */
  readonly policies: readonly CompiledPolicy[];
  readonly signers: SignersIndex;
  /** Policies of any mode that match, in the order of the sources. */
  select(repository: string, action: Action): readonly CompiledPolicy[];
}
