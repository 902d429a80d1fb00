/**
 * Repository names: Docker's normalisation (distribution/reference), then the stricter rule of ours, so
 * that one repository has one spelling and every spelling can stand in a URL.
 */
import { quote, ReferenceFormatError } from './errors.ts';

/** Longest input looked at; nothing that could be valid is longer. */
export const MAX_REFERENCE_CHARACTERS = 1024;
/** Host, port and path together. */
export const MAX_NAME_BYTES = 255;
/** The organisation's own TUF repository: the one name without a host. */
export const DIRECTORY_NAME = '_directory';

const DEFAULT_REGISTRY = 'docker.io';
const LEGACY_REGISTRY = 'index.docker.io';
const OFFICIAL_PREFIX = 'library/';
const MAX_PORT = 65_535;

// distribution/reference: separators are one `.`, `_` or `__`, or any number of `-`, never first or last.
const PATH_COMPONENT = /^[a-z0-9]+(?:(?:[._]|__|-+)[a-z0-9]+)*$/;
const HOST_COMPONENT = '[a-z0-9](?:[a-z0-9-]*[a-z0-9])?';
const HOST = new RegExp(`^(${HOST_COMPONENT}(?:\\.${HOST_COMPONENT})*|\\[[0-9a-f:]+\\])(?::([0-9]+))?$`);
// `docker run` takes 64 hex digits for an image id; a repository of that name could never be pulled.
const IMAGE_ID = /^[0-9a-f]{64}$/;

/** A normalised repository name, host included. */
export interface RepositoryName {
  /** `host[:port]/path`, lower case, at most 255 bytes; or `_directory`. */
  readonly name: string;
  /** `host[:port]`; empty for `_directory` alone. */
  readonly registry: string;
  readonly path: string;
}

/**
 * Normalises a repository name as Docker does: `postgres` is `docker.io/library/postgres`.
 *
 * A first component is a host if it has `.`, `:` or is `localhost`; the host's case is lowered, upper
 * case in the path is refused. Neither tag nor digest may follow.
 *
 * @throws ReferenceFormatError NAME_INVALID
 * @see distribution/reference normalize.go, splitDockerDomain
 */
export function parseRepository(text: string): RepositoryName {
  if (text.length > MAX_REFERENCE_CHARACTERS) throw invalid(text, 'is too long');
  if (text === DIRECTORY_NAME) return { name: DIRECTORY_NAME, registry: '', path: DIRECTORY_NAME };
  if (text === '') throw new ReferenceFormatError('NAME_INVALID', 'a repository name is empty');
  if (IMAGE_ID.test(text)) throw invalid(text, 'is an image id, not a repository name');

  const { registry, path } = splitRegistry(text);
  assertRegistry(registry, text);
  for (const component of path.split('/')) assertPathComponent(component, text);

  const name = `${registry}/${path}`;
  if (name.length > MAX_NAME_BYTES) throw invalid(text, `is longer than ${MAX_NAME_BYTES} bytes`);
  return { name, registry, path };
}

/** Whether the text is a repository name in its normalised form: what every stored name must be. */
export function isRepositoryName(text: string): boolean {
  try {
    return parseRepository(text).name === text;
  } catch (error) {
    if (error instanceof ReferenceFormatError) return false;
    throw error;
  }
}

/** Whether a first component names a host and not the first part of a path on Docker Hub. */
export function looksLikeRegistry(component: string): boolean {
  return component === 'localhost' || /[.:]/.test(component);
}

function splitRegistry(text: string): { registry: string; path: string } {
  const slash = text.indexOf('/');
  const first = slash < 0 ? '' : text.slice(0, slash);
  const lowered = first.toLowerCase();
  if (slash < 0 || (!looksLikeRegistry(lowered) && lowered === first)) {
    return { registry: DEFAULT_REGISTRY, path: officialPath(text) };
  }
  // Docker takes `Team/app` for the host `Team`; lowered it would read as a path on Docker Hub. One text, one meaning.
  if (!looksLikeRegistry(lowered)) throw invalid(text, 'has upper case in its path');
  const rest = text.slice(slash + 1);
  if (lowered === DEFAULT_REGISTRY || lowered === LEGACY_REGISTRY) {
    return { registry: DEFAULT_REGISTRY, path: officialPath(rest) };
  }
  return { registry: lowered, path: rest };
}

function officialPath(path: string): string {
  return path.includes('/') ? path : OFFICIAL_PREFIX + path;
}

function assertRegistry(registry: string, text: string): void {
  const match = HOST.exec(registry);
  if (match === null)
    throw invalid(text, 'has a host that is not a name, an IPv4 or a bracketed IPv6 address');
  const port = match[2];
  // `:0443` and `:443` would be two names of one registry.
  if (port !== undefined && (port.startsWith('0') || port.length > 5 || Number(port) > MAX_PORT)) {
    throw invalid(text, 'has a port outside 1-65535');
  }
}

function assertPathComponent(component: string, text: string): void {
  if (PATH_COMPONENT.test(component)) return;
  if (component === '') throw invalid(text, 'has an empty path component');
  if (/[A-Z]/.test(component)) throw invalid(text, 'has upper case in its path');
  if (/^[._-]/.test(component)) throw invalid(text, 'has a path component that begins with ".", "_" or "-"');
  throw invalid(
    text,
    'has a path component that is not a-z, 0-9 with single separators ".", "_", "__" or "-"',
  );
}

function invalid(text: string, problem: string): ReferenceFormatError {
  return new ReferenceFormatError('NAME_INVALID', `${quote(text)} ${problem}`);
}
