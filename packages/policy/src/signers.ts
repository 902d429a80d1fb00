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
 * Whether a vouch is the word of the role a policy names: one that targets delegates to, or that is named below
 * its delegator (`qa/nightly` under `qa`, as Notary demands). Any signer may delegate to a role of any name; else
 * one whose paths cover the tag could make a `security` of its own.
 */
export function isRole({ role, path }: Vouch, name: string): boolean {
  return role === name && path.slice(2).every((below, at) => below.startsWith(`${path[at + 1]}/`));
}

/**
 * The signers of a party who vouch, each by a key of their own.
 *
 * A key counts for one signer only, however many names or delegations it stands under: the answer is a
 * largest matching of signers to distinct keys.
 */
export function vouchingSigners(party: Party, vouches: readonly Vouch[]): readonly string[] {
  const vouching = new Set(vouches.flatMap((vouch) => vouch.keyIds));
  const keysOfSigner = new Map(party.signers.map((signer) => [signer, keysOf(signer, vouches, vouching)]));
  const signerOfKey = new Map<string, Signer>();
  for (const signer of party.signers) assign(signer, keysOfSigner, signerOfKey, new Set());
  const counted = new Set([...signerOfKey.values()].map((signer) => signer.name));
  return party.signers.map((signer) => signer.name).filter((name) => counted.has(name));
}

// One augmenting path of bipartite matching: take a free key, or move the one who holds it.
function assign(
  signer: Signer,
  keysOfSigner: ReadonlyMap<Signer, readonly string[]>,
  signerOfKey: Map<string, Signer>,
  tried: Set<string>,
): boolean {
  for (const keyId of keysOfSigner.get(signer) ?? []) {
    if (tried.has(keyId)) continue;
    tried.add(keyId);
    const holder = signerOfKey.get(keyId);
    if (holder === undefined || assign(holder, keysOfSigner, signerOfKey, tried)) {
      signerOfKey.set(keyId, signer);
      return true;
    }
  }
  return false;
}

/** The keys that vouched and are this signer's: by name, or because they signed for its delegation. */
function keysOf(signer: Signer, vouches: readonly Vouch[], vouching: ReadonlySet<string>): readonly string[] {
  const named = signer.keyIds.filter((keyId) => vouching.has(keyId));
  if (signer.delegation === undefined) return named;
  const own = vouches.filter((vouch) => vouch.role === signer.delegation);
  return [...named, ...own.flatMap((vouch) => vouch.keyIds)];
}
