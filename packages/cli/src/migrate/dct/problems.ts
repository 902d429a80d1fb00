/** What is wrong with a repository that is to come over, and the way out. A problem is told, never thrown. */

export type ProblemCode =
  /** Its time is over; everything is verified as of the document's own time. */
  | 'EXPIRED'
  /** A certificate of a root key is not valid now, or is for another name. */
  | 'CERTIFICATE'
  /** The server has no such document, or fails when asked for it. */
  | 'UNREADABLE'
  /** Signatures, hashes or shape are not as they must be. */
  | 'INVALID'
  /** The chain of roots has a hole, or does not go on from one to the next. */
  | 'ROOT_CHAIN'
  /** This machine's own client saw something newer, or another root of the same version. */
  | 'ROLLBACK';

export interface Problem {
  readonly code: ProblemCode;
  /** As on the wire; absent where it is about the whole repository. */
  readonly role?: string;
  readonly message: string;
  /** The way out. */
  readonly fix: string;
}

/** Codes that mean that somebody's word cannot be trusted: the command ends with 1. */
export function isGrave({ code }: Problem): boolean {
  return code === 'INVALID' || code === 'ROOT_CHAIN' || code === 'ROLLBACK';
}
