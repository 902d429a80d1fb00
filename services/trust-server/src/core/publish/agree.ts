/**
 * At no commit do two dialects disagree about a tag: each resolves it by its own clients' rule over the documents
 * that are about to be current, and all must come to the same digest, or to none.
 */
import {
  DEFAULT_LIMITS,
  type DialectName,
  drive,
  type Envelope,
  type Targets,
  TufError,
  type Verified,
  type Workflow,
} from '@vidimus/tuf';
import { TrustError } from '../../service.ts';
import { codecOf } from '../dialects.ts';

/** What clients of one dialect will find. */
export interface DialectView {
  readonly dialect: DialectName;
  /** Targets and its delegated roles after the publish, verified. */
  readonly documents: ReadonlyMap<string, Targets>;
  /** Roles that snapshot lists and that nobody read: one of them that is not among the documents might say anything. */
  readonly unread: ReadonlySet<string>;
}

/** @throws TrustError DIALECTS_DISAGREE */
export function assertAgree(views: readonly DialectView[], tags: Iterable<string>): void {
  for (const tag of tags) {
    const answers = views.map((view) => ({ dialect: view.dialect, digest: resolve(view, tag) }));
    if (new Set(answers.map(({ digest }) => digest)).size === 1) continue;
    const said = answers.map(({ dialect, digest }) => `${digest ?? 'nothing'} in the dialect ${dialect}`);
    throw new TrustError(
      'DIALECTS_DISAGREE',
      `tag ${tag} would be ${said.join(' and ')}: nothing was published`,
      { tag, ...Object.fromEntries(answers.map(({ dialect, digest }) => [dialect, digest ?? null])) },
    );
  }
}

/** `sha256:<hex>`, or undefined where nobody vouches for such a digest. */
function resolve(view: DialectView, tag: string): string | undefined {
  const start = view.documents.get('targets');
  if (start === undefined) throw unresolved(view, tag, 'there is no targets');
  const search = codecOf(view.dialect).search({
    start: toVerified('targets', start),
    path: tag,
    maxDelegations: DEFAULT_LIMITS.delegations,
    load: (_, role) => load(view, tag, role),
  });
  try {
    const sha256 = drive(search, documentsReply)?.target.hashes.get('sha256');
    return sha256 === undefined ? undefined : `sha256:${sha256}`;
  } catch (error) {
    if (error instanceof TufError) throw unresolved(view, tag, error.message, error);
    throw error;
  }
}

// biome-ignore lint/correctness/useYield: what is in hand needs no step
function* load(view: DialectView, tag: string, role: string): Workflow<Verified<Targets>> {
  const document = view.documents.get(role);
  if (document !== undefined) return toVerified(role, document);
  if (view.unread.has(role)) throw unresolved(view, tag, `role ${role} was not looked at`);
  throw new TufError('ROLE_UNKNOWN', `role ${role} is not in snapshot`, { role });
}

/** A search looks at documents and names; where the bytes are does not matter to it. */
export function toVerified(role: string, document: Targets): Verified<Targets> {
  return { role, document, envelope: noEnvelope, keyIds: [], threshold: 1 };
}

const noEnvelope: Envelope = {
  bytes: new Uint8Array(),
  message: new Uint8Array(),
  signed: {},
  signatures: [],
};

/** The driver of a search whose documents are all in hand. */
export function documentsReply(): undefined {
  throw new TypeError('documents in hand need no input');
}

function unresolved({ dialect }: DialectView, tag: string, why: string, cause?: unknown): TrustError {
  return new TrustError(
    'DIALECTS_DISAGREE',
    `nobody can say what tag ${tag} would be in the dialect ${dialect}: ${why}`,
    { tag, dialect },
    cause === undefined ? {} : { cause },
  );
}
