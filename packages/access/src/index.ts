/** Who is calling, and what may they do? */
export { type Authenticator, type AuthenticatorParts, createAuthenticator } from './authenticator.ts';
export { type CallerParts, identifyCaller, type Presented } from './callers.ts';
export {
  type CertificateCallers,
  type CertificateIdentity,
  certificateIdentitiesSchema,
  createCertificateCallers,
} from './certificate-callers.ts';
export {
  type Credentials,
  maxAuthorizationLength,
  readBasic,
  readBearer,
  readCredentials,
} from './credentials.ts';
export { AccessError, type AccessErrorCode } from './errors.ts';
export { createFailureLimiter, type FailureLimiter, type FailureLimits } from './failure-limiter.ts';
export { operatorActor, toIdentity, tokenActor } from './identity.ts';
export { areIndependent } from './independence.ts';
export { createFetchDocument, type FetchDocument } from './oidc/fetch-document.ts';
export { createOidcCallers, type OidcCallers, type OidcParts } from './oidc/oidc-callers.ts';
export { globSchema, type OidcIssuer, oidcSettingsSchema } from './oidc/oidc-settings.ts';
export { type AccessQuestion, type Identity, isAnonymous, isPermitted, judgeAccess } from './permissions.ts';
export {
  anonymousActor,
  identifyRegistryCaller,
  type RegistryCaller,
  type RegistryCallerParts,
  toCaller,
} from './registry-callers.ts';
export {
  createOwnRegistryTokens,
  type IssuedToken,
  type OwnRegistryTokens,
  type RegistryClaims,
  type RegistryTokens,
  type TokenServerSettings,
  trustTokenServer,
} from './registry-tokens.ts';
export {
  type GrantableRole,
  grantableRoleSchema,
  grantsAt,
  type Permission,
  roleCovers,
  type TokenRole,
} from './roles.ts';
export {
  catalogScope,
  formatScope,
  limitScopes,
  parseScopes,
  type RegistryAction,
  type ResourceAccess,
  repositoryScope,
} from './scopes.ts';
export {
  type GrantVerdict,
  isContained,
  judgeGrant,
  mayManageToken,
  type WantedToken,
} from './token-grants.ts';
export { insertToken, pageTokens, readToken, readTokensMadeBy, revokeToken } from './token-rows.ts';
export { createTokenStore } from './token-store.ts';
export { createTokenUses, type TokenUses } from './token-uses.ts';
export {
  type BootstrapParts,
  createBootstrapToken,
  hashToken,
  isLive,
  makeToken,
  type StoredToken,
  type TokenStore,
} from './tokens.ts';
