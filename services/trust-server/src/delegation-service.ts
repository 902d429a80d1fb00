/** The use cases behind the routes of delegations. */
import type { DelegationAnswer, DelegationPut, DelegationRemoved, PutDelegation } from './schemas/index.ts';
import type { Call, Outcome, Page, PageRequest } from './service.ts';

/** Repository and role names are well-formed, bodies validated. */
export interface DelegationService {
  /** In the order in which clients ask; `revocations` is among the roles, not here. */
  listDelegations(repository: string, page: PageRequest): Promise<Page<DelegationAnswer>>;
  /** @throws TrustError ROLE_UNKNOWN */
  readDelegation(repository: string, name: string): Promise<DelegationAnswer>;
  /**
   * Makes a delegation what the body says; the same again changes nothing.
   * @throws TrustError BODY_INVALID, KEY_INVALID, THRESHOLD_INVALID, CUSTODY_INVALID, DIALECT_INEXPRESSIBLE,
   * ROLE_UNKNOWN (its delegator), WOULD_BREAK (tags of others would vanish)
   */
  putDelegation(
    call: Call,
    repository: string,
    name: string,
    body: PutDelegation,
  ): Promise<Outcome<DelegationPut>>;
  /** With everything below it. @throws TrustError ROLE_UNKNOWN */
  removeDelegation(call: Call, repository: string, name: string): Promise<Outcome<DelegationRemoved>>;
}
