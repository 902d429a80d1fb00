/** Named signers and parties of `TrustSigners`, and how many distinct signers stand behind a digest. */
import type { Vouch } from './facts.ts';

/** A person or machine: keys it holds, or the delegation that is its own. */
export interface Signer {
  readonly name: string;
  readonly keyIds: readonly string[];
  readonly delegation?: string;
}

/** A group of signers of whom `threshold` must vouch unless a rule says another number. */
export interface Party {
  readonly name: string;
  readonly signers: readonly Signer[];
  readonly threshold: number;
}

export interface SignersIndex {
  readonly signers: ReadonlyMap<string, Signer>;
  readonly parties: ReadonlyMap<string, Party>;
}

/**
 * The signers of a party who vouch, each by a key of their own.
 *
 * A key counts for one signer only, however many names or delegations it stands under: the answer is a
 * largest matching of signers to distinct keys.
 */
export function vouchingSigners(party: Party, vouches: readonly Vouch[]): readonly string[] {
  const signerOfKey = new Map<string, Signer>();
  for (const signer of party.signers) assign(signer, vouches, signerOfKey, new Set());
  const counted = new Set([...signerOfKey.values()].map((signer) => signer.name));
  return party.signers.map((signer) => signer.name).filter((name) => counted.has(name));
}

// One augmenting path of bipartite matching: take a free key, or move the one who holds it.
function assign(
  signer: Signer,
  vouches: readonly Vouch[],
  signerOfKey: Map<string, Signer>,
  tried: Set<string>,
): boolean {
  for (const keyId of keysOf(signer, vouches)) {
    if (tried.has(keyId)) continue;
    tried.add(keyId);
    const holder = signerOfKey.get(keyId);
    if (holder === undefined || assign(holder, vouches, signerOfKey, tried)) {
      signerOfKey.set(keyId, signer);
      return true;
    }
  }
  return false;
}

function keysOf(signer: Signer, vouches: readonly Vouch[]): string[] {
  return vouches.flatMap((vouch) =>
    vouch.keyIds.filter((keyId) => vouch.role === signer.delegation || signer.keyIds.includes(keyId)),
  );
}
