/** Policies as code: schema, compile, evaluate, explain, analyse, test. Facts in, decision out. Pure. */
export { type AnalysisCode, type AnalysisFinding, analyse } from './analyse.ts';
export { BUILT_IN_POLICY, builtInBundle } from './built-in.ts';
export type { Bundle, CompiledPolicy, CompiledRule } from './bundle.ts';
export {
  type Cause,
  causeOf,
  type DecisionCode,
  EVIDENCE_REASONS,
  type EvidenceReason,
  isEvidenceReason,
} from './codes.ts';
export { type CompileResult, compilePolicies } from './compile.ts';
export {
  type DecidedImage,
  type Decision,
  denialCause,
  type Finding,
  type UnavailableEvidence,
  type Verdict,
} from './decision.ts';
export { formatPolicyError, PolicyError, type PolicyErrorCode, type SourcePosition } from './errors.ts';
export { type EvaluateContext, evaluate } from './evaluate.ts';
export { explain } from './explain.ts';
export type {
  Absent,
  Action,
  AnchorKind,
  FactDetail,
  Facts,
  FactValue,
  FreshnessFacts,
  ImageFacts,
  Known,
  RevocationFacts,
  RevokedDigest,
  TrustFacts,
  Unknown,
  Vouch,
} from './facts.ts';
export { factsText, sourcesText } from './replay-text.ts';
export { type CaseResult, mergeCoverage, type RuleCoverage, runTests, type TestReport } from './run-tests.ts';
export type { Party, Signer, SignersIndex } from './signers.ts';
export { type ParseTestResult, parseTrustTest, type TestCase, type TrustTest } from './trust-test.ts';
export type { PolicySource } from './yaml-source.ts';
