/** From a bearer token to who is calling. */
import { timingSafeEqual } from 'node:crypto';
import { operatorActor, toIdentity, tokenActor } from './identity.ts';
import type { Identity } from './permissions.ts';
import { hashToken, isLive, type StoredToken, type TokenStore } from './tokens.ts';

export interface Authenticator {
  /** Undefined for a token that is unknown, expired or revoked: callers learn no more than that. */
  authenticate(token: string): Promise<Identity | undefined>;
}

export interface AuthenticatorParts {
  readonly tokens: TokenStore;
  /** `VIDIMUS_ADMIN_TOKEN`: while set, a full administrator. */
  readonly adminToken?: string;
  /** Milliseconds since 1970. */
  readonly now: () => number;
  /** Hears which stored token has just been good. */
  readonly onUse?: (token: StoredToken) => void;
}

/** @throws RangeError when the administrator token could never be sent as a bearer token */
export function createAuthenticator(parts: AuthenticatorParts): Authenticator {
  const adminHash = parts.adminToken === undefined ? undefined : hashAdminToken(parts.adminToken);
  return {
    async authenticate(token) {
      const hash = hashToken(token);
      if (adminHash !== undefined && equalHashes(hash, adminHash)) {
        return operator;
      }
      const stored = await parts.tokens.findByHash(hash);
      if (stored === undefined || !equalHashes(hash, stored.hash)) return undefined;
      if (!isLive(stored, parts.now())) return undefined;
      parts.onUse?.(stored);
      return toIdentity(tokenActor(stored.id), stored.role, stored.repositories);
    },
  };
}

/** Whoever holds `VIDIMUS_ADMIN_TOKEN` may set what the service is told: no glob, no expiry. */
const operator: Identity = {
  actor: operatorActor,
  role: 'admin',
  repositories: ['**'],
  mayAccess: () => true,
  mayAccessAll: true,
};

function hashAdminToken(token: string): string {
  if (!/^[A-Za-z0-9._~+/-]+=*$/.test(token)) {
    throw new RangeError('the administrator token holds characters that no Authorization header carries');
  }
  return hashToken(token);
}

/** Constant time, although a hash is compared: the look-up must not become an oracle by a later change. */
function equalHashes(one: string, other: string): boolean {
  return one.length === other.length && timingSafeEqual(Buffer.from(one), Buffer.from(other));
}
