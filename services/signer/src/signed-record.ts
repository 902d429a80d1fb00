/**
 * What each key signed last in each role, in an append-only file beside the key (`<key id>.signed`, one JSON object
 * a line), on disk before a signature leaves. A long file is written anew with its newest lines.
 */
import { join } from 'node:path';
import { isSha256Hex } from '@vidimus/crypto';
import {
  appendPrivateFile,
  createPrivateFile,
  KeyStoreError,
  type Random,
  readPrivateFile,
  replacePrivateFile,
} from '@vidimus/key-store';
import { z } from 'zod';
import { SignerError } from './errors.ts';
import type { SignedBefore } from './judge.ts';

const MAX_RECORD_BYTES = 2 ** 22;
/** From this size on the file is written anew; a key signs in at most a few hundred roles (bins). */
const COMPACT_BYTES = 2 ** 20;

/** A root of hundreds of keys; a longer one is not kept. */
export const MAX_ROOT_CHARACTERS = 400_000;

const hex64 = z.string().refine(isSha256Hex);
const lineSchema = z.strictObject({
  role: z.string().min(1).max(255),
  version: z.int().positive(),
  sha256: hex64,
  content: hex64,
  delegations: hex64,
  scheme: z.enum(['ed25519', 'ecdsa-sha256-p1363']),
  signature: z.string().max(1024),
  document: z.string().max(MAX_ROOT_CHARACTERS).optional(),
});

type Line = z.infer<typeof lineSchema>;

export interface SignedRecord {
  /** What the key signed last in a role. @throws SignerError RECORD_UNUSABLE */
  last(keyId: string, role: string): Promise<SignedBefore | undefined>;
  /** On disk when this returns. Calls for one key never overlap. @throws SignerError RECORD_UNUSABLE */
  add(keyId: string, role: string, signed: SignedBefore): Promise<void>;
  /** Begins the record of a new key. */
  begin(keyId: string): Promise<void>;
}

export function createSignedRecord(directory: string, random: Random): SignedRecord {
  const pathOf = (keyId: string): string => join(directory, `${keyId}.signed`);

  async function read(
    keyId: string,
  ): Promise<{ lines: ReadonlyMap<string, Line>; size: number; endsTorn: boolean }> {
    const bytes = await readPrivateFile(pathOf(keyId), MAX_RECORD_BYTES, 'refuse');
    // A key without its record could sign an old version again.
    if (bytes === undefined)
      throw new SignerError('RECORD_UNUSABLE', 'the record of this key is missing', { keyId });
    const text = Buffer.from(bytes).toString('utf8');
    const lines = new Map<string, Line>();
    for (const line of text.split('\n')) {
      // A line without its end was torn by a crash: its signature never left.
      if (!line.endsWith('}')) continue;
      const entry = parseLine(line, keyId);
      const known = lines.get(entry.role);
      if (known === undefined || entry.version > known.version) lines.set(entry.role, entry);
    }
    return { lines, size: bytes.length, endsTorn: text !== '' && !text.endsWith('\n') };
  }

  return {
    last: async (keyId, role) => await usable(keyId, async () => (await read(keyId)).lines.get(role)),
    add: async (keyId, role, { version, sha256, content, delegations, scheme, signature, document }) => {
      await usable(keyId, async () => {
        const { lines, size, endsTorn } = await read(keyId);
        const kept = document === undefined ? {} : { document };
        const entry: Line = { role, version, sha256, content, delegations, scheme, signature, ...kept };
        if (size > COMPACT_BYTES) {
          const newest = new Map(lines).set(role, entry);
          const text = [...newest.values()].map((line) => `${JSON.stringify(line)}\n`).join('');
          await replacePrivateFile(pathOf(keyId), Buffer.from(text), random);
          return;
        }
        const line = `${endsTorn ? '\n' : ''}${JSON.stringify(entry)}\n`;
        await appendPrivateFile(pathOf(keyId), Buffer.from(line));
      });
    },
    begin: async (keyId) => await createPrivateFile(pathOf(keyId), new Uint8Array(), random),
  };
}

function parseLine(line: string, keyId: string): Line {
  try {
    return lineSchema.parse(JSON.parse(line));
  } catch (cause) {
    throw new SignerError('RECORD_UNUSABLE', 'a line of the record was altered', { keyId }, { cause });
  }
}

async function usable<T>(keyId: string, work: () => Promise<T>): Promise<T> {
  try {
    return await work();
  } catch (cause) {
    if (cause instanceof SignerError) throw cause;
    const message =
      cause instanceof KeyStoreError ? cause.message : 'the record of this key cannot be read or written';
    throw new SignerError('RECORD_UNUSABLE', message, { keyId }, { cause });
  }
}
