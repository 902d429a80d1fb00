/** The room's one error class. What a TUF document breaks stays a TufError; this is about reaching, keeping and starting. */

export type TrustClientErrorCode =
  /** The server cannot be reached (name, connection, TLS, time-out) and no unexpired verified cache helps. */
  | 'UNREACHABLE'
  /** The server answered, but not usably; `detail.reason` says how. */
  | 'UNUSABLE'
  /** 401: the server wants a token, or another one. */
  | 'UNAUTHORIZED'
  /** The server has no trust data for the repository. */
  | 'NO_TRUST_DATA'
  /** The server refused a request by its rules; `detail.serverCode` is the code of the REST API. */
  | 'REFUSED'
  /** Nothing says which root to trust, and first use is not allowed. */
  | 'ANCHOR_MISSING'
  /** The anchor itself cannot be used: not a root, not signed to its own threshold, of another repository. */
  | 'ANCHOR_INVALID'
  /** What the server has does not start at the anchor. */
  | 'ANCHOR_MISMATCH'
  /** Somebody else could write the cache or the key records: wrong owner, writable by others, a link. */
  | 'CACHE_UNSAFE'
  /** The cache cannot be read or written. */
  | 'CACHE_FAILED'
  /** Other processes kept changing the cache, or held its lock, for too long. */
  | 'CACHE_BUSY'
  /** The options given make no sense. */
  | 'OPTIONS_INVALID'
  /** The server asks for signatures over something else than the edit says. */
  | 'CHANGE_MISMATCH'
  /** The change stands on another version than the newest one that this client verified. */
  | 'CHANGE_STALE'
  /** A key would sign a second document for a version it already signed. */
  | 'SIGNED_ALREADY'
  /** What should be an audit bundle, or a page of the log, cannot be read as one. */
  | 'AUDIT_INVALID'
  /** The log of events is not the one that a timestamp signed, or says otherwise than the signed files. */
  | 'AUDIT_TAMPERED';

/** How an answer was not usable. */
export type UnusableReason =
  | 'html'
  | 'length'
  | 'too-large'
  | 'redirect'
  | 'status'
  | 'encoding'
  | 'protocol'
  | 'body';

export type TrustClientErrorDetail = Readonly<Record<string, string | number | boolean | readonly string[]>>;

interface Extra extends ErrorOptions {
  readonly detail?: TrustClientErrorDetail;
  /** What a person can do next: a command to run or a setting to look at. */
  readonly hint?: string;
}

/** Trust data could not be had, kept, anchored or published; `code` is API, the message is for people. */
export class TrustClientError extends Error {
  readonly code: TrustClientErrorCode;
  readonly detail: TrustClientErrorDetail;
  readonly hint?: string;

  constructor(code: TrustClientErrorCode, message: string, extra: Extra = {}) {
    super(message, extra);
    this.name = 'TrustClientError';
    this.code = code;
    this.detail = extra.detail ?? {};
    if (extra.hint !== undefined) this.hint = extra.hint;
  }
}

/** An answer that cannot be used, with the reason callers and logs can tell apart. */
export function unusable(
  reason: UnusableReason,
  message: string,
  detail: TrustClientErrorDetail = {},
  options: ErrorOptions = {},
): TrustClientError {
  return new TrustClientError('UNUSABLE', message, { ...options, detail: { reason, ...detail } });
}

/** The `code` of a system error, such as ENOENT; undefined for anything else. */
export function systemCode(error: unknown): string | undefined {
  if (!(error instanceof Error) || !('code' in error)) return undefined;
  return typeof error.code === 'string' ? error.code : undefined;
}
