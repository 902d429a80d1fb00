/** Who is calling, and what may they do? */
export { type Authenticator, type AuthenticatorParts, createAuthenticator } from './authenticator.ts';
export { createFailureLimiter, type FailureLimiter, type FailureLimits } from './failure-limiter.ts';
export {
  type AccessQuestion,
  type Identity,
  isAnonymous,
  judgeAccess,
  type Permission,
  type TokenRole,
} from './permissions.ts';
export { createTokenStore } from './token-store.ts';
export {
  type BootstrapParts,
  createBootstrapToken,
  hashToken,
  type StoredToken,
  type TokenStore,
} from './tokens.ts';
