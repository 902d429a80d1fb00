/** From what a request brings to who is calling: an access token, an issuer's token, or a client certificate. */
import type { Authenticator } from './authenticator.ts';
import type { CertificateCallers } from './certificate-callers.ts';
import { readBearer } from './credentials.ts';
import type { OidcCallers } from './oidc/oidc-callers.ts';
import type { Identity } from './permissions.ts';

export interface CallerParts {
  readonly authenticator: Authenticator;
  /** None counts when absent. */
  readonly oidc?: OidcCallers;
  /** None counts when absent. */
  readonly certificates?: CertificateCallers;
}

export interface Presented {
  /** The `Authorization` header. */
  readonly authorization: string | undefined;
  /** DER of the client certificate, verified by the TLS layer. */
  readonly certificate: () => Uint8Array | undefined;
}

/** A JWT as long as an access token may be one: the administrator's token is of the operator's choosing. */
const maxTokenLength = 512;

/** `unknown`: what was presented is not good; undefined: nothing was. A bad token does not fall back to a certificate. */
export async function identifyCaller(
  parts: CallerParts,
  { authorization, certificate }: Presented,
): Promise<Identity | 'unknown' | undefined> {
  if (authorization !== undefined) return (await fromHeader(parts, authorization)) ?? 'unknown';
  const der = parts.certificates === undefined ? undefined : certificate();
  return der === undefined ? undefined : (parts.certificates?.identify(der) ?? 'unknown');
}

async function fromHeader(parts: CallerParts, header: string): Promise<Identity | undefined> {
  const credentials = readBearer(header);
  if (credentials === undefined) return undefined;
  if (credentials.kind === 'token') return await parts.authenticator.authenticate(credentials.token);
  const { jwt } = credentials;
  const own = jwt.length > maxTokenLength ? undefined : await parts.authenticator.authenticate(jwt);
  return own ?? (await parts.oidc?.identify(jwt));
}
