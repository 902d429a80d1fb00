/** A server that was not reached: which option named it, and who has to vouch for it. */
import { TrustClientError } from '@vidimus/trust-client';
import { CliError } from '../../cli-error.ts';

/** What TLS says where nobody who is known here vouches for a certificate. */
const unknownAuthority: ReadonlySet<unknown> = new Set([
  'DEPTH_ZERO_SELF_SIGNED_CERT',
  'SELF_SIGNED_CERT_IN_CHAIN',
  'UNABLE_TO_GET_ISSUER_CERT',
  'UNABLE_TO_GET_ISSUER_CERT_LOCALLY',
  'UNABLE_TO_VERIFY_LEAF_SIGNATURE',
]);

const hints = {
  from: {
    authority: 'if it has an authority of its own: --from-ca FILE',
    else: 'check --from and the network, then ask again',
  },
  to: {
    authority:
      'if it has an authority of its own: export NODE_EXTRA_CA_CERTS=FILE, or ca: FILE beside trustServer in the configuration',
    else: 'check --to and the network, then ask again: what was published already is found',
  },
} as const;

/** The same failure with the way out where the server was not reached; any other as it is. */
export function withWayOut(failure: CliError, option: keyof typeof hints): CliError {
  const { code, exit, message, hint, cause } = failure;
  if (code !== 'UNREACHABLE' || hint !== undefined) return failure;
  const isAuthority = cause instanceof TrustClientError && unknownAuthority.has(cause.detail['cause']);
  return new CliError(code, exit, message, hints[option][isAuthority ? 'authority' : 'else'], { cause });
}
