/** A JSON Web Key Set (RFC 7517), read from bytes that somebody else's server sent. */
import { createPublicKey, type KeyObject } from 'node:crypto';
import { z } from 'zod';
import { toUsableKey } from '../usable-key.ts';

const maxKeys = 100;

const setSchema = z.object({ keys: z.array(z.looseObject({})).max(maxKeys) });
const jwkSchema = z.looseObject({
  kty: z.enum(['RSA', 'EC', 'OKP']),
  kid: z.string().min(1).max(256),
  use: z.literal('sig').optional(),
  alg: z.string().max(32).optional(),
  /** A private key that somebody published is nobody's any more. */
  d: z.undefined().optional(),
});

export interface SigningKey {
  readonly key: KeyObject;
  /** The one algorithm it is for; any that fits when absent. */
  readonly algorithm: string | undefined;
}

export type KeySet = ReadonlyMap<string, SigningKey>;

/** Keys by id; those of no use here are left out, and ids that stand for two keys. Undefined: not a key set. */
export function parseKeySet(bytes: Uint8Array): KeySet | undefined {
  const set = setSchema.safeParse(parseText(bytes));
  if (!set.success) return undefined;
  const keys = new Map<string, SigningKey>();
  const twice = new Set<string>();
  for (const entry of set.data.keys) {
    const jwk = jwkSchema.safeParse(entry);
    if (!jwk.success) continue;
    const { kid, alg } = jwk.data;
    const key = toKey(jwk.data);
    if (key === undefined) continue;
    if (keys.has(kid)) twice.add(kid);
    keys.set(kid, { key, algorithm: alg });
  }
  for (const kid of twice) keys.delete(kid);
  return keys;
}

function parseText(bytes: Uint8Array): unknown {
  try {
    return JSON.parse(new TextDecoder('utf-8', { fatal: true }).decode(bytes));
  } catch {
    // A web page, a cut answer: whatever it is, it is no key set.
    return undefined;
  }
}

function toKey({ kty, crv, x, y, n, e }: z.infer<typeof jwkSchema>): KeyObject | undefined {
  try {
    const members = Object.entries({ kty, crv, x, y, n, e }).filter(([, value]) => typeof value === 'string');
    const key = createPublicKey({ key: Object.fromEntries(members), format: 'jwk' });
    return toUsableKey(new Uint8Array(key.export({ format: 'der', type: 'spki' })));
  } catch {
    // Node says in many ways that it is no key.
    return undefined;
  }
}
