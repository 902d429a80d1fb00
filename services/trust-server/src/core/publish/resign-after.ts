/** When the service signs a role anew: at half-life or a little before, so that a fleet does not all come due at once. */
import { sha256 } from '@vidimus/crypto';

/** The share of a lifetime after which a file is past half-life. */
const latest = 0.5;
/** How much earlier the earliest repository is: a fleet made in one hour is spread over a tenth of the lifetime. */
const spread = 0.1;

/** Only the service's own roles come due; root is renewed by hand unless it is managed, too. */
export function resignAfter(
  repository: string,
  file: { readonly role: string; readonly issuedMs: number; readonly expiresMs: number },
): { readonly resignAfterMs: number } {
  const lifetime = file.expiresMs - file.issuedMs;
  const share = latest - spread * place(repository);
  return { resignAfterMs: file.issuedMs + Math.floor(lifetime * share) };
}

/** A number from 0 to 1, the same for every replica. */
function place(repository: string): number {
  const hash = sha256(new TextEncoder().encode(repository));
  return (hash[0] ?? 0) / 255;
}
