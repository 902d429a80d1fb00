/** The roots of a repository, one after the other, as a client that has the first walks them. */
import {
  type Root,
  TufError,
  type Verified,
  type VerifyContext,
  verifyRoot,
  verifyRootUpdate,
} from '@vidimus/tuf';

/** Roots of one repository; clients follow no more in one refresh. */
export const MAX_ROOTS = 256;

/**
 * The root that follows `trusted`, or a first one. Its expiry, and that of its certificates, does not matter here.
 * @throws TufError as `verifyRoot` and `verifyRootUpdate`, and BINDING for a root of another repository
 */
export function verifyNextRoot(
  context: VerifyContext,
  trusted: Root | undefined,
  bytes: Uint8Array,
): Verified<Root> {
  const root = trusted === undefined ? verifyRoot(context, bytes) : verifyRootUpdate(context, trusted, bytes);
  context.dialect.assertRoot?.(root.document, context.repository);
  return root;
}

/**
 * A whole chain, oldest first.
 * @throws TufError as `verifyNextRoot`, LIMIT, and ROOT_CHAIN when its beginning is missing
 */
export function verifyRootChain(
  context: VerifyContext,
  files: readonly Uint8Array[],
): readonly Verified<Root>[] {
  if (files.length > MAX_ROOTS) {
    throw new TufError('LIMIT', 'more roots than a client would follow', { role: 'root', most: MAX_ROOTS });
  }
  const roots: Verified<Root>[] = [];
  for (const bytes of files) roots.push(verifyNextRoot(context, roots.at(-1)?.document, bytes));
  assertBeginning(roots[0]?.document.version);
  return roots;
}

/** Notary servers take 1 and 2 for a first root. @throws TufError MISSING, ROOT_CHAIN */
export function assertBeginning(first: number | undefined): void {
  if (first === undefined) throw new TufError('MISSING', 'the repository has no root', { role: 'root' });
  if (first <= 2) return;
  throw new TufError('ROOT_CHAIN', `the oldest root is version ${first}: what came before it is gone`, {
    role: 'root',
    version: first,
  });
}
