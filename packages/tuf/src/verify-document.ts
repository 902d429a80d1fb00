/**
 * From bytes to a verified document: the checks that need nothing but the delegating document. The client
 * workflow and a server that looks at its own files, or at an upload, come through the same functions.
 */
import { assertBinding } from './binding.ts';
import type { Dialect } from './dialect.ts';
import { TufError } from './errors.ts';
import type { Limits } from './limits.ts';
import type {
  DocumentKind,
  DocumentOf,
  Envelope,
  Key,
  RoleKeys,
  Root,
  Signed,
  TufDocument,
} from './model.ts';
import { assertVersion } from './rollback.ts';
import { type Quorum, verifyThreshold } from './threshold.ts';

/** What is known before any byte is read. */
export interface VerifyContext {
  readonly dialect: Dialect;
  /** Normalised repository name, host included. */
  readonly repository: string;
  /** Not made by Vidimus: the signed `x-vidimus-*` members may be missing. */
  readonly foreign: boolean;
  readonly limits: Limits;
}

/** A document with the signatures that counted, under the delegator it was verified for. */
export interface Verified<D extends TufDocument = TufDocument> extends Signed<D> {
  readonly role: string;
  readonly keyIds: readonly string[];
  readonly threshold: number;
}

/** Who says who may sign a role. */
export interface Authority {
  readonly keys: ReadonlyMap<string, Key>;
  readonly roleKeys: RoleKeys;
}

/**
 * A root by itself: signed to the threshold of the root role it names. Its expiry does not matter here.
 * @throws TufError MALFORMED, LIMIT, WRONG_TYPE, THRESHOLD or BINDING
 * @see TUF 5.2, 5.3.4
 */
export function verifyRoot(context: VerifyContext, bytes: Uint8Array): Verified<Root> {
  return verifyOwnQuorum(context, openFile(context, 'root', 'root', bytes));
}

/**
 * The root that follows `trusted`.
 * @throws TufError as `verifyRoot`, and VERSION
 */
export function verifyRootUpdate(context: VerifyContext, trusted: Root, bytes: Uint8Array): Verified<Root> {
  // TUF 5.3.4: by the old root's threshold, before anything in the new one is believed, …
  const envelope = openFile(context, 'root', 'root', bytes);
  verifyThreshold(envelope, trusted.keys, trusted.roles.root, 'root');
  // … and by its own.
  const next = verifyOwnQuorum(context, envelope);
  // TUF 5.3.5
  assertVersion('root', trusted.version + 1, next.document.version);
  return next;
}

/**
 * A top-level role below root.
 * @throws TufError MALFORMED, LIMIT, WRONG_TYPE, THRESHOLD or BINDING
 * @see TUF 5.4.2, 5.5.3, 5.6.3
 */
export function verifyTopLevel<K extends 'timestamp' | 'snapshot' | 'targets'>(
  context: VerifyContext,
  root: Root,
  kind: K,
  bytes: Uint8Array,
): Verified<DocumentOf[K]> {
  return verifyRole(context, kind, kind, bytes, { keys: root.keys, roleKeys: root.roles[kind] });
}

/**
 * Any role but root, under the keys and threshold of its delegator.
 * @throws TufError MALFORMED, LIMIT, WRONG_TYPE, THRESHOLD or BINDING
 */
export function verifyRole<K extends Exclude<DocumentKind, 'root'>>(
  context: VerifyContext,
  kind: K,
  role: string,
  bytes: Uint8Array,
  authority: Authority,
): Verified<DocumentOf[K]> {
  const envelope = openFile(context, kind, role, bytes);
  const quorum = verifyThreshold(envelope, authority.keys, authority.roleKeys, role);
  const document = decodeAs(context, kind, role, envelope);
  if (document.kind === 'targets') context.dialect.assertTargets?.(role, document);
  return finish(context, role, envelope, document, quorum);
}

/** The most bytes to read for a file of one kind. */
export function maxBytesOf(kind: DocumentKind, limits: Limits): number {
  return limits[`${kind}Bytes`];
}

function verifyOwnQuorum(context: VerifyContext, envelope: Envelope): Verified<Root> {
  // The one document that must be read before its signatures: it says whose they are.
  const document = decodeAs(context, 'root', 'root', envelope);
  const quorum = verifyThreshold(envelope, document.keys, document.roles.root, 'root');
  context.dialect.assertRoot?.(document, context.repository);
  return finish(context, 'root', envelope, document, quorum);
}

function finish<D extends TufDocument>(
  context: VerifyContext,
  role: string,
  envelope: Envelope,
  document: D,
  { keyIds, threshold }: Quorum,
): Verified<D> {
  assertBinding(context, role, document);
  return { role, envelope, document, keyIds, threshold };
}

function openFile(context: VerifyContext, kind: DocumentKind, role: string, bytes: Uint8Array): Envelope {
  return naming(role, () => context.dialect.open(bytes, maxBytesOf(kind, context.limits)));
}

function decodeAs<K extends DocumentKind>(
  context: VerifyContext,
  kind: K,
  role: string,
  envelope: Envelope,
): DocumentOf[K] {
  return naming(role, () => context.dialect.decode(kind, envelope));
}

/** A codec does not know the role whose file it reads; people want to. */
function naming<T>(role: string, read: () => T): T {
  try {
    return read();
  } catch (error) {
    if (!(error instanceof TufError)) throw error;
    throw new TufError(
      error.code,
      `role ${role}: ${error.message}`,
      { ...error.detail, role },
      { cause: error },
    );
  }
}
