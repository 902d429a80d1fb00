/** Signs the documents of a change, and asks before a second document of one version is signed. */
import {
  type SignatureUpload,
  type SignRequest,
  signDocuments,
  TrustClientError,
} from '@vidimus/trust-client';
import type { Context } from '../context.ts';
import { canAsk, confirm } from './person.ts';

/**
 * A dead change of the same version may be replaced, once a person says that it is dead.
 * @throws TrustClientError SIGNED_ALREADY; CliError CANCELLED
 */
export async function signOnce(context: Context, request: SignRequest): Promise<readonly SignatureUpload[]> {
  try {
    return await signDocuments(request);
  } catch (error) {
    const isDead = error instanceof TrustClientError && error.detail['namedDead'] === true;
    if (!isDead || !canAsk(context)) throw error;
    context.terminal.note(
      `${error.message}, for change ${String(error.detail['change'])}, which was never published`,
    );
    await confirm(context, 'Is that change dead, and shall this one stand instead?');
    return await signDocuments({ ...request, replacementConfirmed: true });
  }
}
