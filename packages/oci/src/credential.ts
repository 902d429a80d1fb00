/** What a registry may be shown to prove who asks. Never printed, never put into an error. */

export type Credential =
  | { readonly kind: 'password'; readonly username: string; readonly password: string }
  /** An OAuth 2 refresh token, good only at a token service. */
  | { readonly kind: 'identityToken'; readonly token: string };

/**
 * Finds the credential for one repository (`registry` as in a normalised name, `docker.io` for Docker Hub);
 * undefined: ask anonymously.
 * @throws OciError CREDENTIALS_INVALID
 */
export type FindCredential = (registry: string, path: string) => Promise<Credential | undefined>;

/** Finds nothing: every registry is asked anonymously. */
export const anonymous: FindCredential = async () => undefined;
