/** The room's one error class: what is wrong with a policy file, and where. */

export type PolicyErrorCode =
  /** Over a limit of size, depth or count. */
  | 'LIMIT'
  /** Not YAML of the plain kind: syntax, duplicate key, foreign tag, too many aliases. */
  | 'YAML_INVALID'
  /** Another `apiVersion` or `kind` than those known. */
  | 'KIND_UNKNOWN'
  /** A key or a value the kind does not have. */
  | 'SCHEMA_INVALID'
  /** A rule kind this version does not know; never ignored. */
  | 'RULE_UNKNOWN'
  /** Two documents, rules, signers or keys with one name. */
  | 'NAME_DUPLICATE'
  /** A pattern that is not a glob, or a host that is not normalised. */
  | 'PATTERN_INVALID'
  /** A rule names a party that no TrustSigners has, or a party a signer that is not there. */
  | 'SIGNER_UNKNOWN';

/** A place in a source file; lines and columns count from 1. */
export interface SourcePosition {
  readonly file: string;
  readonly line: number;
  readonly column: number;
}

/** A broken rule of the policy language; `code` is API, the message is for people. */
export class PolicyError extends Error {
  readonly code: PolicyErrorCode;
  readonly source: SourcePosition;

  constructor(code: PolicyErrorCode, message: string, source: SourcePosition) {
    super(message);
    this.name = 'PolicyError';
    this.code = code;
    this.source = source;
  }
}

/** One line for people: `file:line:column: CODE message`. */
export function formatPolicyError(error: PolicyError): string {
  const { file, line, column } = error.source;
  return `${file}:${line}:${column}: ${error.code} ${error.message}`;
}
