/**
 * The organisation's directory as a client sees it: an ordinary repository with an anchor of its own, whose targets
 * say which root keys other repositories have. What is not learned from it is not made up for: no answer, no trust.
 */
import { DIRECTORY_NAME } from '@vidimus/reference';
import { findDirectoryEntry, type Targets, TufError } from '@vidimus/tuf';
import type { AnchorFile, PinnableAnchor } from '../anchor/anchor-file.ts';
import type { DirectoryAnswer } from '../anchor/choose-anchor.ts';
import { readAnchorFile } from '../anchor/pins.ts';
import type { ClientCache } from '../cache/client-cache.ts';
import { TrustClientError } from '../errors.ts';
import type { RevocationList } from '../revocation-list.ts';
import type { RepositorySettings } from '../settings.ts';
import type { TrustFacts } from '../trust-facts.ts';

/** How this machine is set up for a directory, beside what is pinned in the cache. */
export interface DirectoryOptions {
  /** The anchor file that configuration names; goes before the one pinned in the cache. */
  readonly configured?: AnchorFile & { readonly pinned: PinnableAnchor };
  /** Where it is served if the anchor file does not say. */
  readonly server?: string;
  /** The token for a server; tokens are bound to origins. */
  readonly tokenFor?: (server: string) => string | undefined;
  /** Never judge on the cache alone. */
  readonly online?: boolean;
}

/** What a directory is read through; `openRepository` makes one. */
export interface DirectoryTrust {
  refresh(): Promise<TrustFacts>;
  targets(): Promise<Targets>;
  lookUpRevocations(): Promise<RevocationList>;
  close(): void;
}

/** A verified directory, and what it says of one repository. */
export interface Consultation extends DirectoryAnswer {
  /** What the organisation is called, where the anchor says it. */
  readonly name?: string;
  /** What a refresh of the directory established. */
  readonly facts: TrustFacts;
  /** The file it is pinned by. */
  readonly file: AnchorFile;
  /** Token for a server that the directory names. */
  readonly tokenFor: (server: string) => string | undefined;
}

export interface Directory {
  /**
   * Brings the directory up to date and asks it; undefined: none is pinned here.
   * @throws TufError when it is judged and refused; TrustClientError UNREACHABLE, UNUSABLE, …
   */
  consult(repository: string): Promise<Consultation | undefined>;
  /** The organisation's revoked digests; undefined: no directory is pinned here. Never throws for bad evidence. */
  revocations(): Promise<RevocationList | undefined>;
  close(): void;
}

export interface DirectoryParts {
  readonly cache: ClientCache;
  readonly options: DirectoryOptions;
  readonly open: (settings: RepositorySettings) => DirectoryTrust;
}

interface Opened {
  readonly file: AnchorFile;
  readonly trust: DirectoryTrust;
}

export function createDirectory({ cache, options, open }: DirectoryParts): Directory {
  const tokenFor = options.tokenFor ?? (() => undefined);
  /** Owned by this object; undefined also while none was pinned yet. */
  let opened: Opened | undefined;

  const find = async (): Promise<Opened | undefined> => {
    if (opened !== undefined) return opened;
    const file = options.configured ?? (await readAnchorFile(cache, DIRECTORY_NAME));
    if (file?.pinned === undefined && file?.firstUse === undefined) return undefined;
    opened ??= { file, trust: open(toSettings(file, options, tokenFor)) };
    return opened;
  };

  return {
    async consult(repository) {
      const found = await find();
      if (found === undefined) return undefined;
      const { file, trust } = found;
      return await naming(async () => {
        const facts = await trust.refresh();
        const entry = findDirectoryEntry((await trust.targets()).targets, repository);
        return { entry, facts, file, tokenFor, ...(file.name === undefined ? {} : { name: file.name }) };
      });
    },
    async revocations() {
      try {
        const found = await find();
        return found && (await naming(() => found.trust.lookUpRevocations()));
      } catch (error) {
        if (!(error instanceof TufError) && !(error instanceof TrustClientError)) throw error;
        return { status: 'unknown', code: error.code, message: error.message };
      }
    },
    close: () => opened?.trust.close(),
  };
}

/** @throws TrustClientError ANCHOR_INVALID */
function toSettings(
  file: AnchorFile,
  options: DirectoryOptions,
  tokenFor: (server: string) => string | undefined,
): RepositorySettings {
  const server = file.server ?? options.server;
  if (server === undefined) {
    throw new TrustClientError(
      'ANCHOR_INVALID',
      'the anchor of the directory does not say where it is served',
      {
        hint: 'vidimus anchor pin _directory --root FILE --server URL',
      },
    );
  }
  const token = tokenFor(server);
  return {
    server,
    dialect: 'tuf',
    ...(file.pinned === undefined ? {} : { anchor: file.pinned }),
    ...(token === undefined ? {} : { token }),
    ...(file.ca === undefined ? {} : { ca: file.ca }),
    ...(options.online === undefined ? {} : { online: options.online }),
  };
}

/** The error says that it is about the directory; one without trust data is no believable "there is none". */
async function naming<Result>(work: () => Promise<Result>): Promise<Result> {
  try {
    return await work();
  } catch (cause) {
    const detail = { ...(cause instanceof TufError ? cause.detail : {}), directory: true };
    if (cause instanceof TufError) {
      const code = cause.code === 'ANCHOR' ? 'ANCHOR_MISMATCH' : undefined;
      const message = `the directory: ${cause.message}`;
      throw code === undefined
        ? new TufError(cause.code, message, detail, { cause })
        : new TrustClientError(code, message, { cause, detail });
    }
    if (!(cause instanceof TrustClientError)) throw cause;
    const isMissing = cause.code === 'NO_TRUST_DATA';
    throw new TrustClientError(isMissing ? 'UNUSABLE' : cause.code, `the directory: ${cause.message}`, {
      cause,
      detail: { ...cause.detail, ...(isMissing ? { reason: 'body' } : {}), directory: true },
      ...(isMissing || cause.hint === undefined ? {} : { hint: cause.hint }),
    });
  }
}
