/** An administrator's token and its row. */
import { createHash } from 'node:crypto';
import type { StoredToken } from '@vidimus/access';

export const startMs = Date.UTC(2026, 10, 21, 9);
export const token = `vdm_${'a'.repeat(43)}`;
export const sha256 = (data: string | Uint8Array): string => createHash('sha256').update(data).digest('hex');

export const administrator = (fields: Partial<StoredToken>): StoredToken => ({
  id: 't1',
  name: 'test',
  hash: sha256(token),
  role: 'admin',
  repositories: ['**'],
  createdAt: startMs,
  ...fields,
});
