/** Entries that an edit writes and takes away: tags, and revoked digests with the tags that name them. */
import {
  type DialectEdit,
  imageNotesOf,
  REVOCATIONS_ROLE,
  type Target,
  type TargetEdits,
  type Targets,
  toRevocationTarget,
  withImageNotes,
} from '@vidimus/tuf';
import type { DescribedEdit, DescribedTag } from './described-edit.ts';
import { type EditContext, presentDocument, targetsIn } from './edit-context.ts';
import { mismatch } from './offered-document.ts';

type TagsEdit = Extract<DescribedEdit, { kind: 'tags' }>;
type Revocation = Extract<DescribedEdit, { kind: 'revokeDigest' }>['body'];

interface OwnEdits {
  readonly set: Target[];
  readonly remove: string[];
}

/** @param roleOf where a tag is listed */
export function resolveTags(
  context: EditContext,
  roleOf: (tag: string) => string,
  { sign, revoke }: TagsEdit,
): DialectEdit {
  const edits = new Map<string, OwnEdits>();
  const of = (tag: string): OwnEdits => {
    const role = roleOf(tag);
    const known = edits.get(role) ?? { set: [], remove: [] };
    edits.set(role, known);
    return known;
  };
  for (const entry of sign) {
    of(entry.tag).set.push(toTarget(context, presentDocument(context, roleOf(entry.tag)), entry));
  }
  for (const tag of revoke) of(tag).remove.push(tag);
  return { targets: edits };
}

/** The entry as the service writes it; a tag that keeps its digest keeps since when it has it. */
function toTarget({ issued }: EditContext, document: Targets | undefined, entry: DescribedTag): Target {
  const { tag, digest, size, mediaType, platforms, custom } = entry;
  const sha256 = digest.slice('sha256:'.length);
  const before = document?.targets.get(tag);
  const isSame = before?.hashes.get('sha256') === sha256;
  const since = (isSame && before !== undefined ? imageNotesOf(before).since : undefined) ?? issued;
  return {
    path: tag,
    length: size,
    hashes: new Map([['sha256', sha256]]),
    custom: withImageNotes(custom, {
      ...(mediaType === undefined ? {} : { mediaType }),
      ...(platforms === undefined ? {} : { platforms }),
      since,
    }),
  };
}

/** @param body undefined: the revocation is lifted */
export function resolveDigest(
  context: EditContext,
  digest: string,
  body: Revocation | undefined,
): DialectEdit {
  const edits = new Map<string, TargetEdits>();
  if (context.offered.has(REVOCATIONS_ROLE)) {
    const edit = body === undefined ? { remove: [digest] } : { set: [toEntry(context, digest, body)] };
    edits.set(REVOCATIONS_ROLE, edit);
  }
  for (const role of body === undefined ? [] : context.offered.keys()) {
    if (role === REVOCATIONS_ROLE) continue;
    const remove = tagsOf(presentDocument(context, role), digest);
    if (remove.length === 0) throw mismatch(`${role} lists no tag of ${digest}`);
    edits.set(role, { remove: remove.map(({ path }) => path) });
  }
  return { targets: edits };
}

/** The size is only a note: any that is known of the digest may stand there. */
function toEntry(context: EditContext, digest: string, { reason, link }: Revocation): Target {
  const { present, issued } = context;
  const before = presentDocument(context, REVOCATIONS_ROLE)?.targets.get(digest);
  const sizes = [...present.targets.values()].flatMap((document) =>
    tagsOf(document, digest).map(({ length }) => length),
  );
  const offered = targetsIn(context, REVOCATIONS_ROLE)?.targets.get(digest)?.length ?? 0;
  const known = [...sizes, before?.length ?? 0, 0];
  return toRevocationTarget({
    digest,
    length: known.includes(offered) ? offered : 0,
    reason,
    ...(link === undefined ? {} : { link }),
    atMs: issued,
  });
}

function tagsOf(document: Targets | undefined, digest: string): readonly Target[] {
  const sha256 = digest.slice('sha256:'.length);
  return [...(document?.targets.values() ?? [])].filter(
    ({ path, hashes }) => path !== digest && hashes.get('sha256') === sha256,
  );
}
