/** People outside the service, each with a key of a role in every dialect: the same name always gives the same keys. */
import type { JsonObject } from '@vidimus/canonical-json';
import { fromBase64, toBase64, toHex } from '@vidimus/crypto';
import { certificateKey, ed25519NotaryKey } from '../../support/notary-keys.ts';
import { ed25519Key } from '../../support/tuf-keys.ts';
import type { Change } from './trust-calls.ts';

export type DialectName = 'tuf' | 'notary';

/** Signs in one dialect, as its signatures are. */
export interface SigningKey {
  readonly dialect: DialectName;
  readonly keyId: string;
  readonly sign: (message: Uint8Array) => Uint8Array;
}

export interface Signatory {
  readonly name: string;
  readonly keys: readonly SigningKey[];
}

/** A signatory of one role of one repository. */
export interface Person extends Signatory {
  readonly keys: readonly HeldKey[];
}

export interface HeldKey extends SigningKey {
  /** The key object as metadata writes it. */
  readonly declared: JsonObject;
}

export interface Post {
  readonly repository: string;
  readonly dialects: readonly DialectName[];
  readonly role: string;
}

/** The signature of a certificate differs each time it is made, and with it the key's id. */
const certified = new Map<string, ReturnType<typeof certificateKey>>();

/** Nobody holds two roles with one key; certificates are for root alone, `revocations` for TUF clients alone. */
export function personFor({ repository, dialects, role }: Post, name: string): Person {
  const seed = `${name}, ${role} of ${repository}`;
  const held = role === 'revocations' ? dialects.filter((dialect) => dialect === 'tuf') : dialects;
  return {
    name,
    keys: held.map((dialect) => {
      if (dialect === 'tuf') return { dialect, ...ed25519Key(seed) };
      return {
        dialect,
        ...(role === 'root' ? rootKey(repository, seed) : ed25519NotaryKey(`${seed}, for Docker`)),
      };
    }),
  };
}

function rootKey(commonName: string, key: string): ReturnType<typeof certificateKey> {
  const made = certified.get(key) ?? certificateKey({ key, commonName, notBefore: Date.now() - 86_400_000 });
  certified.set(key, made);
  return made;
}

/** Key entries of a request: of one dialect, or of each. */
export function entriesOf({ keys }: Person, only?: DialectName): readonly object[] {
  return keys
    .filter(({ dialect }) => only === undefined || dialect === only)
    .map(({ dialect, declared }) => ({ custody: 'client', dialect, key: declared }));
}

/** What somebody signs of a change: every document that asks for a key of theirs. */
export function signaturesOf({ documents }: Change, { keys }: Signatory) {
  return documents.flatMap(({ dialect, role, toSign, thresholds }) =>
    keys
      .filter((key) => key.dialect === dialect && thresholds.some(({ keyIds }) => keyIds.includes(key.keyId)))
      .map(({ keyId, sign }) => {
        const made = sign(fromBase64(toSign));
        return { dialect, role, keyId, sig: dialect === 'tuf' ? toHex(made) : toBase64(made) };
      }),
  );
}
