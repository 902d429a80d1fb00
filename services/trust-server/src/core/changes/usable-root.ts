/** Whether clients of a dialect would take a root, beyond what the model says. */
import { type DialectName, type Draft, type Root, TufError } from '@vidimus/tuf';
import { TrustError } from '../../service.ts';
import { codecOf } from '../dialects.ts';

/** Certificates, for instance: they must be for this repository, and valid. @throws TrustError KEY_INVALID */
export function assertUsableRoot(
  dialect: DialectName,
  draft: Draft<Root>,
  repository: string,
  nowMs: number,
): void {
  const root: Root = { ...draft, fields: {} };
  const codec = codecOf(dialect);
  try {
    codec.assertRoot?.(root, repository);
    codec.assertRootNow?.(root, nowMs);
  } catch (cause) {
    if (!(cause instanceof TufError)) throw cause;
    throw new TrustError(
      'KEY_INVALID',
      `the root keys cannot be used in the dialect ${dialect}: ${cause.message}`,
      { role: 'root', dialect },
      { cause },
    );
  }
}
