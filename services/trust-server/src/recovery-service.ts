/** The use case behind the route that lets a restored repository publish again. */
import type { RecoverRepository, RepositorySummary } from './schemas/index.ts';
import type { Call, Outcome } from './service.ts';

export interface RecoveryService {
  /**
   * Says how far a restored repository had come; nothing happens where none waits for that.
   * @throws TrustError VERSION_UNCERTAIN when that leaves a role open, SIGNATURE_INVALID for a file that does not verify
   */
  recoverRepository(
    call: Call,
    repository: string,
    body: RecoverRepository,
  ): Promise<Outcome<RepositorySummary>>;
}
