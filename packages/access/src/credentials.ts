/** The `Authorization` header: what a caller presents, before anybody has looked at whether it is good. */

/** A token server's tokens carry their certificates. */
export const maxAuthorizationLength = 12_288;
const maxTokenLength = 512;

export type Credentials =
  | { readonly kind: 'token'; readonly token: string }
  /** A JSON Web Token in compact form, not verified. */
  | { readonly kind: 'jwt'; readonly jwt: string };

/** `Authorization: Bearer` alone; undefined when there is none of that form. */
export function readBearer(header: string): Credentials | undefined {
  if (header.length > maxAuthorizationLength) return undefined;
  const bearer = bearerOf(header);
  if (bearer === undefined) return undefined;
  return isJwt(bearer) ? { kind: 'jwt', jwt: bearer } : readToken(bearer);
}

/**
 * Bearer or Basic, for clients that know a registry's ways: the password of Basic is an access token, the user
 * name is theirs to choose. Undefined for anything else.
 */
export function readCredentials(header: string): Credentials | undefined {
  if (header.length > maxAuthorizationLength) return undefined;
  return bearerOf(header) === undefined ? readBasic(header) : readBearer(header);
}

/** Basic alone. */
export function readBasic(header: string): Credentials | undefined {
  const encoded = /^Basic +([A-Za-z0-9+/]+={0,2}) *$/i.exec(header)?.[1];
  if (encoded === undefined) return undefined;
  const text = Buffer.from(encoded, 'base64').toString('utf8');
  const colon = text.indexOf(':');
  return colon < 0 ? undefined : readToken(text.slice(colon + 1));
}

function readToken(token: string): Credentials | undefined {
  return token.length > 0 && token.length <= maxTokenLength ? { kind: 'token', token } : undefined;
}

function bearerOf(header: string): string | undefined {
  return /^Bearer +([A-Za-z0-9._~+/-]+=*) *$/i.exec(header)?.[1];
}

/** Three parts, the first of which is JSON in base64url. */
function isJwt(token: string): boolean {
  return /^eyJ[A-Za-z0-9_-]*\.[A-Za-z0-9_-]*\.[A-Za-z0-9_-]*$/.test(token);
}
