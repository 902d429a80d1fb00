/** Stores accepted uploads and signs what is left to the service, in memory: what the trust server does with them. */

import { sha256Hex, sha512Hex } from '@vidimus/crypto';
import {
  notaryDialect,
  toModelRole,
  type UpdateInput,
  type UpdatePart,
  type ValidUpdate,
  validateUpdate,
} from '@vidimus/notary';
import type { Draft, SealedFile } from '@vidimus/tuf';
import { DAY, edKey, NOW, REPOSITORY, type WireKey } from './wire-client.ts';

export const snapshotKey = edKey('service snapshot');
export const timestampKey = edKey('service timestamp');

export const lifetimesMs: UpdateInput['lifetimesMs'] = new Map([
  ['snapshot', 1_095 * DAY],
  ['timestamp', 14 * DAY],
]);

/** Files by wire role. */
export type Files = Readonly<Record<string, Uint8Array>>;

export interface PretendService {
  /** By model role. */
  readonly stored: ReadonlyMap<string, Uint8Array>;
  /** Judges an upload and stores nothing. @throws NotaryError */
  judge(files: Files, change?: Partial<UpdateInput>): ValidUpdate;
  /** Judges, signs and stores. @throws NotaryError */
  publish(files: Files, change?: Partial<UpdateInput>): ValidUpdate;
}

export function pretendService(repository: string = REPOSITORY): PretendService {
  const stored = new Map<string, Uint8Array>();
  const input = {
    repository,
    stored,
    heldKeyIds: new Set([snapshotKey.keyId, timestampKey.keyId]),
    nowMs: NOW,
    lifetimesMs,
  };
  const judge: PretendService['judge'] = (files, change) =>
    validateUpdate({ ...input, parts: toParts(files), ...change });
  return {
    stored,
    judge,
    publish(files, change) {
      const valid = judge(files, change);
      for (const { role, bytes } of valid.accepted) stored.set(role, bytes);
      if (valid.snapshot !== undefined) stored.set('snapshot', sign(valid.snapshot, snapshotKey));
      const snapshot = stored.get('snapshot');
      if (snapshot !== undefined && valid.accepted.length > 0) {
        stored.set('timestamp', sign(valid.timestamp(sealed(snapshot)), timestampKey));
      }
      return valid;
    },
  };
}

export function toParts(files: Files): readonly UpdatePart[] {
  return Object.entries(files).map(([role, bytes]) => ({ role, bytes }));
}

export function sign(draft: Draft, key: WireKey): Uint8Array {
  const message = notaryDialect.encode(draft);
  return notaryDialect.seal(message, [{ keyId: key.keyId, value: key.sign(message), method: key.method }]);
}

function sealed(bytes: Uint8Array): SealedFile {
  const { version } = notaryDialect.decode('snapshot', notaryDialect.open(bytes, bytes.length));
  return { version, length: bytes.length, sha256: sha256Hex(bytes), sha512: sha512Hex(bytes) };
}

/** A stored file by its wire role. */
export function storedFile({ stored }: PretendService, role: string): Uint8Array {
  const bytes = stored.get(toModelRole(role));
  if (bytes === undefined) throw new Error(`nothing stored for ${role}`);
  return bytes;
}
