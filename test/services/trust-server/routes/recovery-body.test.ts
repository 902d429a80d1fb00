import { describe, expect, it } from 'vitest';
import { recoverSchema } from '../../../../services/trust-server/src/schemas/recovery.ts';

describe('the body of a recovery', () => {
  const body = (targets: number) => ({
    reason: 'restored',
    newestRoot: { tuf: { version: 1, sha256: 'ab'.repeat(32) } },
    highest: { tuf: { targets } },
  });

  it('names marks that leave room for more versions', () => {
    expect(recoverSchema.safeParse(body(2 ** 40)).success).toBe(true);
    expect(recoverSchema.safeParse(body(2 ** 40 + 1)).success).toBe(false);
    expect(recoverSchema.safeParse(body(Number.MAX_SAFE_INTEGER)).success).toBe(false);
  });
});
