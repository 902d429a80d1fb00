/** A replacement key, where a query names it. */
import type { JsonObject } from '@vidimus/canonical-json';
import { type KeyEntry, keyEntrySchema } from '../schemas/index.ts';
import { TrustError } from '../service.ts';

const ed25519Form = /^ed25519:[0-9a-f]{64}$/;

/** In a query: `managed`, `ed25519:<64 hex digits>`, or a key entry as JSON. @throws TrustError BODY_INVALID */
export function parseReplacement(text: string | undefined): KeyEntry | undefined {
  if (text === undefined) return undefined;
  if (text === 'managed') return { custody: 'managed' };
  if (ed25519Form.test(text)) {
    const keyval = { public: text.slice('ed25519:'.length) };
    const key: JsonObject = { keytype: 'ed25519', scheme: 'ed25519', keyval };
    return { custody: 'client', key };
  }
  const parsed = keyEntrySchema.safeParse(parseText(text));
  if (parsed.success) return parsed.data;
  throw new TrustError(
    'BODY_INVALID',
    'query, replacement: expected managed, ed25519:<64 hex digits> or a key entry as JSON',
  );
}

function parseText(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}
