/** The use cases behind the routes of access tokens. Who calls is an argument: what they may give away depends on it. */
import type { Identity } from '@vidimus/access';
import type { CreatedToken, CreateToken, RevokedToken, Token } from './schemas/index.ts';
import type { Call, Page, PageRequest } from './service.ts';

export interface TokenService {
  /**
   * Makes a token; with the first token of an installation, the first administrator's, which ends it.
   * @throws TrustError DENIED for more than the caller has, UNAUTHORIZED when the first token was used meanwhile
   */
  createToken(call: Call, by: Identity, body: CreateToken): Promise<CreatedToken>;
  /** Those the caller may end, by id; revoked and expired ones, too. Never a secret. */
  listTokens(by: Identity, page: PageRequest): Promise<Page<Token>>;
  /** Ends a token, one's own as well; again, it answers the same. @throws TrustError TOKEN_UNKNOWN, also for one that is not theirs to end */
  revokeToken(call: Call, by: Identity, id: string): Promise<RevokedToken>;
}
