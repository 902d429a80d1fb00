/** An issuer's keys: fetched from one place, remembered for a while, and never older than a bound. */
import { z } from 'zod';
import type { FetchDocument } from './fetch-document.ts';
import { type KeySet, parseKeySet, type SigningKey } from './key-set.ts';

/** After this the keys are asked for again. */
const freshMs = 600_000;
/** An issuer that is away: how long what it said last counts. A key it took back is good no longer than this. */
const maxStaleMs = 3_600_000;
/** Strangers choose key ids: they make us ask no more often than this. */
const retryMs = 30_000;

const descriptionSchema = z.object({ issuer: z.string(), jwks_uri: z.url({ protocol: /^https$/ }) });

export interface KeySource {
  /** Undefined for a key that the issuer does not show now. */
  find(keyId: string): Promise<SigningKey | undefined>;
}

export interface KeySourceParts {
  readonly issuer: string;
  /** Where its keys are; else its description says, and may name its own origin alone. */
  readonly jwksUri: string | undefined;
  readonly fetchDocument: FetchDocument;
  /** Milliseconds since 1970. */
  readonly now: () => number;
}

export function createKeySource(parts: KeySourceParts): KeySource {
  const { now } = parts;
  let known: { readonly keys: KeySet; readonly atMs: number } | undefined;
  let triedMs = Number.NEGATIVE_INFINITY;
  let underWay: Promise<void> | undefined;

  const refresh = (): Promise<void> => {
    underWay ??= fetchKeys(parts).then((keys) => {
      if (keys !== undefined) known = { keys, atMs: now() };
      underWay = undefined;
    });
    return underWay;
  };
  const ask = (): Promise<void> | undefined => {
    if (underWay !== undefined) return underWay;
    if (now() - triedMs < retryMs) return undefined;
    triedMs = now();
    return refresh();
  };
  const find = (keyId: string): SigningKey | undefined =>
    known !== undefined && now() - known.atMs < maxStaleMs ? known.keys.get(keyId) : undefined;

  return {
    async find(keyId) {
      const key = find(keyId);
      if (key === undefined) {
        await ask();
        return find(keyId);
      }
      // Nobody waits for an issuer whose key is known.
      if (known !== undefined && now() - known.atMs >= freshMs) void ask();
      return key;
    },
  };
}

async function fetchKeys({ issuer, jwksUri, fetchDocument }: KeySourceParts): Promise<KeySet | undefined> {
  const url = jwksUri ?? (await discover(issuer, fetchDocument));
  const bytes = url === undefined ? undefined : await fetchDocument(url);
  return bytes === undefined ? undefined : parseKeySet(bytes);
}

/** OpenID Connect Discovery 4.3: the description must be about the issuer that was asked. */
async function discover(issuer: string, fetchDocument: FetchDocument): Promise<string | undefined> {
  const bytes = await fetchDocument(`${issuer.replace(/\/+$/, '')}/.well-known/openid-configuration`);
  if (bytes === undefined) return undefined;
  const text = new TextDecoder().decode(bytes);
  const described = descriptionSchema.safeParse(jsonOf(text));
  if (!described.success || described.data.issuer !== issuer) return undefined;
  const { jwks_uri: uri } = described.data;
  return new URL(uri).origin === new URL(issuer).origin ? uri : undefined;
}

function jsonOf(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}
