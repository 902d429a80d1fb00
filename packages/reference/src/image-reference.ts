/** Image references as people type them: `repository[:tag][@digest]`, in whole attacker-chosen text. */
import { isDigest, parseDigest } from './digest.ts';
import { quote, ReferenceFormatError } from './errors.ts';
import { DIRECTORY_NAME, MAX_REFERENCE_CHARACTERS, parseRepository } from './repository-name.ts';
import { isTag } from './tag.ts';

const DEFAULT_TAG = 'latest';

/** A normalised reference: a repository with a tag, a digest, or both. */
export interface ImageReference {
  /** `host[:port]/path`, normalised. */
  readonly repository: string;
  readonly registry: string;
  readonly path: string;
  /** Absent when only a digest was given. */
  readonly tag?: string;
  /** `sha256:<64 hex>`. */
  readonly digest?: string;
  /** The text named neither tag nor digest, and `latest` was put in. */
  readonly implicitTag: boolean;
}

/**
 * Parses and normalises a reference as Docker does: `postgres` is `docker.io/library/postgres:latest`.
 *
 * @throws ReferenceFormatError NAME_INVALID, TAG_INVALID, DIGEST_INVALID
 * @see distribution/reference reference.go for the grammar, normalize.go for the defaults
 */
export function parseReference(text: string): ImageReference {
  if (text.length > MAX_REFERENCE_CHARACTERS) {
    throw new ReferenceFormatError('NAME_INVALID', `${quote(text)} is too long`);
  }
  const { named, digest } = splitDigest(text);
  const { name, tag } = splitTag(named);
  const { name: repository, registry, path } = parseRepository(name);
  if (repository === DIRECTORY_NAME) {
    throw new ReferenceFormatError(
      'NAME_INVALID',
      `${quote(text)} names the directory, which holds no images`,
    );
  }
  const implicitTag = tag === undefined && digest === undefined;
  const shownTag = implicitTag ? DEFAULT_TAG : tag;
  return {
    repository,
    registry,
    path,
    ...(shownTag === undefined ? {} : { tag: shownTag }),
    ...(digest === undefined ? {} : { digest }),
    implicitTag,
  };
}

/** Prints a reference in full, a default tag included; parsing gives the same reference again. */
export function formatReference(reference: Pick<ImageReference, 'repository' | 'tag' | 'digest'>): string {
  const tag = reference.tag === undefined ? '' : `:${reference.tag}`;
  const digest = reference.digest === undefined ? '' : `@${reference.digest}`;
  return `${reference.repository}${tag}${digest}`;
}

function splitDigest(text: string): { named: string; digest?: string } {
  const at = text.indexOf('@');
  if (at < 0) return { named: text };
  const digest = text.slice(at + 1);
  // Trust data signs SHA-256; another algorithm could never be compared with it.
  if (!isDigest(digest) || parseDigest(digest).algorithm !== 'sha256') {
    throw new ReferenceFormatError('DIGEST_INVALID', `${quote(digest)} is not sha256:<64 lower-case hex>`);
  }
  return { named: text.slice(0, at), digest };
}

// The last `:` begins a tag unless a `/` follows it: then it belongs to a port.
function splitTag(text: string): { name: string; tag?: string } {
  const colon = text.lastIndexOf(':');
  if (colon < 0 || text.includes('/', colon)) return { name: text };
  const tag = text.slice(colon + 1);
  if (!isTag(tag)) {
    throw new ReferenceFormatError(
      'TAG_INVALID',
      `${quote(tag)} is not a tag: 1 to 128 of A-Z a-z 0-9 _ . - and not beginning with "." or "-"`,
    );
  }
  return { name: text.slice(0, colon), tag };
}
