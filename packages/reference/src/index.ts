/** Image references and repository names: parse, normalise, match, print. Pure. */
export { type Digest, isDigest, parseDigest } from './digest.ts';
export { ReferenceFormatError, type ReferenceFormatErrorCode } from './errors.ts';
export { compileGlob, compileTagGlob, type Matcher, splitGlob } from './glob.ts';
export { globsCover, globsOverlap } from './glob-language.ts';
export { formatReference, type ImageReference, parseReference } from './image-reference.ts';
export { formatPlatform, matchesPlatform, type Platform, parsePlatform } from './platform.ts';
export { printable } from './printable.ts';
export {
  DIRECTORY_NAME,
  isRepositoryName,
  looksLikeRegistry,
  MAX_NAME_BYTES,
  parseRepository,
  type RepositoryName,
} from './repository-name.ts';
export { isTag } from './tag.ts';
