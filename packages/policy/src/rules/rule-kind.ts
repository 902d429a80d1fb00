/** What every rule kind is made of: a schema for its YAML and a judge made from it. */
import type { Cause, DecisionCode } from '../codes.ts';
import type { FactDetail, Facts } from '../facts.ts';
import type { SignersIndex } from '../signers.ts';

/** Facts with what time has done to them. */
export interface JudgeInput {
  readonly facts: Facts;
  /** As in the facts; unknown (`EXPIRED`) once its chain has expired and nothing prolongs it. */
  readonly trust: Facts['trust'];
  readonly signers: SignersIndex;
  readonly now: number;
}

/** One reason why a rule does not hold. */
export interface RuleFinding {
  readonly code: DecisionCode;
  readonly cause: Cause;
  readonly summary: string;
  readonly facts: FactDetail;
  readonly fix: readonly string[];
  /** The rule neither holds nor fails: its evidence is unknown. Denies unless the rule says otherwise. */
  readonly unknown?: true;
}

export interface RuleAnswer {
  /** Empty: the rule holds. */
  readonly findings: readonly RuleFinding[];
  /** When time alone would make a rule that holds fail. */
  readonly holdsUntil?: number;
}

export type Judge = (input: JudgeInput) => RuleAnswer;

export const HOLDS: RuleAnswer = { findings: [] };
