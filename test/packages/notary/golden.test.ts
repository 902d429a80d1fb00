/** Every document that was recorded of the real clients and the real server, byte for byte. */
import { isJsonObject, type JsonObject } from '@vidimus/canonical-json';
import { sha256Hex } from '@vidimus/crypto';
import { keyIdOf, notaryDialect, toNotaryRole } from '@vidimus/notary';
import { type DocumentKind, type Envelope, type TufDocument, TufError, verifyThreshold } from '@vidimus/tuf';
import { describe, expect, it } from 'vitest';
import { type Captures, readCaptures } from '../../interop/notary/captures/exchange.ts';
import { captured } from './captured-documents.ts';

const kinds: readonly DocumentKind[] = ['root', 'timestamp', 'snapshot', 'targets'];

interface Recorded {
  readonly name: string;
  readonly bytes: Uint8Array;
  readonly envelope: Envelope;
  readonly document: TufDocument;
}

/** Those that the server accepted or served: some clients sent what nobody can verify. */
const recorded: readonly Recorded[] = documentsOf(readCaptures());

describe('a recorded document', () => {
  it('is there in numbers', () => {
    expect(captured).toHaveLength(16);
    expect(recorded.length).toBeGreaterThan(120);
  });

  it.each(captured)('$name opens, decodes, and encodes to the very bytes', ({ kind, bytes }) => {
    const envelope = notaryDialect.open(bytes, bytes.length);
    const message = notaryDialect.encode(notaryDialect.decode(kind, envelope));
    expect(text(message)).toBe(text(envelope.message));
    expect(text(notaryDialect.seal(message, envelope.signatures))).toBe(text(bytes));
  });

  it('opens, decodes, and encodes to the very bytes, of whatever kind', () => {
    for (const { name, bytes, envelope, document } of recorded) {
      const again = notaryDialect.seal(notaryDialect.encode(document), envelope.signatures);
      expect([name, text(again)]).toEqual([name, text(bytes)]);
    }
  });

  it('names its keys by the ids that we derive', () => {
    let count = 0;
    for (const { document } of recorded) {
      for (const [id, declared] of declaredKeys(document)) {
        expect(keyIdOf(declared)).toBe(id);
        expect(notaryDialect.toKey(declared).usable).toBeDefined();
        count += 1;
      }
    }
    expect(count).toBeGreaterThan(100);
  });

  it('verifies under a recorded delegator that names its key', () => {
    const unverified = recorded.filter(
      ({ envelope, document }) => !delegatorsOf(envelope, document).some((ok) => ok),
    );
    expect(unverified.map(({ name }) => name)).toEqual([]);
  });

  it('never verifies with any byte of the signed part flipped', () => {
    for (const { bytes, kind } of captured) {
      const at = text(bytes).indexOf('"signatures"');
      for (let flipped = 10; flipped < at; flipped += 97) {
        const spoiled = Uint8Array.from(bytes, (byte, index) => (index === flipped ? byte ^ 1 : byte));
        expect(verifies(spoiled, kind)).toBe(false);
      }
      expect(verifies(bytes, kind)).toBe(true);
    }
  });
});

function documentsOf({ bodies, exchanges }: Captures): readonly Recorded[] {
  const accepted = new Set<string>();
  for (const exchange of [...exchanges.values()].flat()) {
    if (exchange.status !== 200) continue;
    if (exchange.answer !== undefined) accepted.add(exchange.answer);
    for (const { body } of exchange.upload?.parts ?? []) accepted.add(body);
  }
  const encoder = new TextEncoder();
  return [...bodies].flatMap(([id, body]) => {
    const bytes = encoder.encode(body);
    expect(sha256Hex(bytes)).toBe(id);
    const found = accepted.has(id) && body.startsWith('{"signed"') ? read(id, bytes) : undefined;
    return found === undefined ? [] : [found];
  });
}

function read(name: string, bytes: Uint8Array): Recorded | undefined {
  const envelope = notaryDialect.open(bytes, bytes.length);
  for (const kind of kinds) {
    try {
      return { name, bytes, envelope, document: notaryDialect.decode(kind, envelope) };
    } catch (error) {
      if (!(error instanceof TufError) || error.code !== 'WRONG_TYPE') throw error;
    }
  }
  throw new Error(`${name} is of no kind`);
}

function* declaredKeys({ fields }: TufDocument): Generator<readonly [string, JsonObject]> {
  const { keys, delegations } = fields;
  const inner = isJsonObject(delegations) ? delegations['keys'] : undefined;
  for (const map of [keys, inner]) {
    if (!isJsonObject(map)) continue;
    for (const [id, declared] of Object.entries(map)) if (isJsonObject(declared)) yield [id, declared];
  }
}

/** For each recorded delegator of a key that signed: whether the document verifies under it. */
function delegatorsOf(envelope: Envelope, document: TufDocument): readonly boolean[] {
  const signers = new Set(envelope.signatures.map(({ keyId }) => keyId));
  return recorded.flatMap(({ document: delegator }) => {
    if (delegator.kind === 'root') {
      const roleKeys = delegator.roles[document.kind];
      if (document.kind === 'root' && document.version < delegator.version) return [];
      return roleKeys.keyIds.some((id) => signers.has(id))
        ? [counts(envelope, delegator.keys, roleKeys)]
        : [];
    }
    if (delegator.kind !== 'targets' || document.kind !== 'targets') return [];
    const { keys, roles } = delegator.delegations ?? { keys: new Map(), roles: [] };
    return roles
      .filter(({ keyIds }) => keyIds.some((id) => signers.has(id)))
      .map((role) => counts(envelope, keys, role, toNotaryRole(role.name)));
  });
}

function counts(...args: Parameters<typeof verifyThreshold>): boolean {
  try {
    verifyThreshold(...args);
    return true;
  } catch (error) {
    if (error instanceof TufError && error.code === 'THRESHOLD') return false;
    throw error;
  }
}

function verifies(bytes: Uint8Array, kind: DocumentKind): boolean {
  try {
    const envelope = notaryDialect.open(bytes, bytes.length);
    return delegatorsOf(envelope, notaryDialect.decode(kind, envelope)).some((ok) => ok);
  } catch (error) {
    if (error instanceof TufError) return false;
    throw error;
  }
}

function text(bytes: Uint8Array): string {
  return Buffer.from(bytes).toString('utf8');
}
