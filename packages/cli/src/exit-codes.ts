/** The exit codes of CONTRACTS: scripts branch on them, so they never change meaning. */

export const exitCodes = {
  /** Allowed, warned, done. */
  done: 0,
  /** Judged and refused. */
  denied: 1,
  /** Arguments, reference, configuration, policy file, missing program, locked or newer data directory. */
  usage: 2,
  /** A server answered but not usably, or there is no anchor, or unknown evidence maps to deny. */
  unavailable: 3,
  /** DNS, connect, TLS, time-out, and no unexpired verified cache. */
  unreachable: 4,
  /** A defect of ours. */
  internal: 5,
  /** The change exists and lacks signatures. */
  pending: 6,
} as const;

export type ExitCode = (typeof exitCodes)[keyof typeof exitCodes];

/** When several apply, the first of usage, denied, unavailable, unreachable wins. */
const precedence: readonly ExitCode[] = [
  exitCodes.usage,
  exitCodes.denied,
  exitCodes.unavailable,
  exitCodes.unreachable,
  exitCodes.internal,
  exitCodes.pending,
];

/** The one exit code for several outcomes; `done` when there is nothing worse. */
export function worstExit(codes: readonly ExitCode[]): ExitCode {
  return precedence.find((code) => codes.includes(code)) ?? exitCodes.done;
}
