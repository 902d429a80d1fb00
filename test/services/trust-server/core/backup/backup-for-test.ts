/** A backup in memory, and a service that went on after it. */

import { sha256, sha256Hex } from '@vidimus/crypto';
import { type Database, trustMetadata } from '@vidimus/database';
import { parseMasterKey } from '@vidimus/key-store';
import {
  createIds,
  type RestoredContents,
  restoreBackup,
  writeBackup,
} from '../../../../../services/trust-server/src/core/index.ts';

/** The master keys of `openCore`. */
export const masters = { service: master('service master'), root: master('root master') };

function master(name: string) {
  return parseMasterKey(Buffer.from(sha256(new TextEncoder().encode(name))).toString('base64'));
}

/** The text of a backup, as it is before it is encrypted. */
export async function backupText(database: Database, nowMs: number): Promise<Uint8Array> {
  const parts: Uint8Array[] = [];
  await writeBackup({
    database,
    masters,
    now: () => nowMs,
    write: async (bytes) => {
      parts.push(bytes);
    },
  });
  return new Uint8Array(Buffer.concat(parts));
}

export async function restoreText(
  database: Database,
  text: Uint8Array,
  nowMs: number,
): Promise<RestoredContents> {
  return await restoreBackup({
    database,
    chunks: chunksOf(text),
    now: () => nowMs,
    newId: createIds({ now: () => nowMs, randomBytes: (length) => new Uint8Array(length).fill(7) }),
    keepMasters: async () => undefined,
  });
}

/** In pieces that fit no line. */
export async function* chunksOf(text: Uint8Array): AsyncGenerator<Uint8Array> {
  for (let at = 0; at < text.length; at += 10_007) yield text.subarray(at, at + 10_007);
}

/** `dialect role version` to the digest of the only bytes it may ever have. */
export async function contentsOf(
  database: Database,
  repository: string,
): Promise<ReadonlyMap<string, string>> {
  const rows = await database.db.select().from(trustMetadata);
  return new Map(
    rows
      .filter((row) => row.repository === repository)
      .map(({ dialect, role, version, bytes }) => [`${dialect} ${role} ${version}`, sha256Hex(bytes)]),
  );
}
