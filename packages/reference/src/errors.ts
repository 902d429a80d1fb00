/** The room's one error class: which part of a reference is not in its grammar. */
import { printable } from './printable.ts';

export type ReferenceFormatErrorCode =
  | 'NAME_INVALID'
  | 'TAG_INVALID'
  | 'DIGEST_INVALID'
  | 'PLATFORM_INVALID'
  | 'GLOB_INVALID';

/** Text that is not a reference; `code` is API, the message is for people and holds no raw input. */
export class ReferenceFormatError extends Error {
  readonly code: ReferenceFormatErrorCode;

  constructor(code: ReferenceFormatErrorCode, message: string) {
    super(message);
    this.name = 'ReferenceFormatError';
    this.code = code;
  }
}

const MAX_QUOTED_CHARACTERS = 64;

/** Quotes attacker-chosen text for a message, escaped and cut, so that it cannot rewrite a terminal. */
export function quote(text: string): string {
  return `"${printable(text, MAX_QUOTED_CHARACTERS)}"`;
}
