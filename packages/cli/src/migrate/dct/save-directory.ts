/**
 * What was saved, on disk: `<directory>/<repository>/_trust/manifest.json` names every document with its SHA-256,
 * and `_trust/tuf/` holds them under the names that the wire gives them by hash. A document is never overwritten;
 * the manifest is replaced as a whole, last, so an interrupted run leaves what was there before.
 */
import { constants } from 'node:fs';
import { mkdir, open, rename, rm } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { sha256Hex } from '@vidimus/crypto';
import { isRepositoryName, printable } from '@vidimus/reference';
import { z } from 'zod';
import { CliError } from '../../cli-error.ts';
import { exitCodes } from '../../exit-codes.ts';
import { readPlainFile, walkPlainFiles } from '../../trust-dir/plain-files.ts';
import type { DocumentSource } from './document-source.ts';

const maxManifestBytes = 4 * 1024 * 1024;
const format = 'vidimus-dct/1';
const rolePattern = /^(root|timestamp|snapshot|targets(\/[-a-z0-9_]{1,200}){0,16})$/;

const savedDocument = z.strictObject({
  /** As on the wire. */
  role: z.string().max(255).regex(rolePattern),
  version: z.int().min(0),
  sha256: z.string().regex(/^[0-9a-f]{64}$/),
  length: z.int().min(0),
});
const manifestSchema = z.strictObject({
  format: z.literal(format),
  repository: z.string(),
  /** URL of the server it came from. */
  from: z.string().max(2_048),
  savedAt: z.iso.datetime(),
  documents: z.array(savedDocument).min(1).max(4_096),
});
export type Manifest = z.infer<typeof manifestSchema>;
export type SavedDocument = z.infer<typeof savedDocument>;

/** A document to be saved, with the bytes as they were received. */
export interface DocumentFile {
  readonly role: string;
  readonly version: number;
  readonly bytes: Uint8Array;
}

export interface SaveRequest {
  readonly repository: string;
  /** URL of the server. */
  readonly from: string;
  /** Milliseconds since 1970. */
  readonly now: number;
  /** Documents are missing that the server should have. */
  readonly isPartial: boolean;
}

/** `unchanged`: the very same was saved before. `kept`: what was saved before is more than could be read now. */
export type SaveState = 'saved' | 'unchanged' | 'kept';

/**
 * Saves a repository, unless what is there is the same or better.
 * @param random for names of temporary files
 * @throws CliError SAVE_FAILED; ROLLBACK for documents that go back behind those saved before
 */
export async function saveRepository(
  directory: string,
  about: SaveRequest,
  files: readonly DocumentFile[],
  random: (bytes: number) => Uint8Array,
): Promise<SaveState> {
  const documents = files.map(({ role, version, bytes }) => ({
    role,
    version,
    sha256: sha256Hex(bytes),
    length: bytes.length,
  }));
  const base = baseOf(directory, about.repository);
  const manifest: Manifest = {
    format,
    repository: about.repository,
    from: about.from,
    savedAt: new Date(about.now).toISOString().replace(/\.\d{3}Z$/, 'Z'),
    documents,
  };
  const before = readManifest(directory, about.repository)?.documents ?? [];
  assertNotBehind(about.repository, before, documents);
  const roles = new Set(documents.map(({ role }) => role));
  if (about.isPartial && before.some(({ role }) => !roles.has(role))) return 'kept';
  try {
    for (const [index, { bytes }] of files.entries()) {
      const document = documents[index];
      if (document !== undefined) await writeNew(join(base, 'tuf', fileNameOf(document)), bytes, random);
    }
    if (JSON.stringify(before) === JSON.stringify(documents)) return 'unchanged';
    const text = `${JSON.stringify(manifest, null, 2)}\n`;
    await replace(join(base, 'manifest.json'), new TextEncoder().encode(text), random);
    return 'saved';
  } catch (cause) {
    if (cause instanceof CliError) throw cause;
    const code = cause instanceof Error && 'code' in cause ? String(cause.code) : 'unknown';
    const hint = 'check the space and the permissions of --save';
    throw new CliError('SAVE_FAILED', exitCodes.usage, `${directory} cannot be written: ${code}`, hint, {
      cause,
    });
  }
}

/** What a manifest says; undefined where nothing was saved. @throws CliError SAVE_DAMAGED */
export function readManifest(directory: string, repository: string): Manifest | undefined {
  const file = join(baseOf(directory, repository), 'manifest.json');
  const { bytes, why } = readPlainFile(file, maxManifestBytes);
  if (bytes === undefined) {
    if (why.includes('ENOENT')) return undefined;
    throw damaged(`${file} ${why}`);
  }
  try {
    const manifest = manifestSchema.parse(JSON.parse(Buffer.from(bytes).toString('utf8')));
    if (manifest.repository !== repository) throw new Error(`it is of ${manifest.repository}`);
    return manifest;
  } catch (cause) {
    throw damaged(`${file} is not what was saved`, cause);
  }
}

/** The repositories saved in a directory, in order of name. */
export function listSaved(directory: string): readonly string[] {
  const names = walkPlainFiles(directory)
    .files.filter(({ parts }) => parts.at(-1) === 'manifest.json' && parts.at(-2) === '_trust')
    .map(({ parts }) => parts.slice(0, -2).join('/'));
  return names.filter(isRepositoryName);
}

/** The documents of one saved repository; every one is compared with its SHA-256. */
export function openSaved(directory: string, manifest: Manifest): DocumentSource {
  const { repository, documents } = manifest;
  const read = (found: SavedDocument | undefined): Uint8Array | undefined => {
    if (found === undefined) return undefined;
    const file = join(baseOf(directory, repository), 'tuf', fileNameOf(found));
    const { bytes, why } = readPlainFile(file, found.length);
    if (bytes === undefined) throw damaged(`${file} ${why}`);
    if (sha256Hex(bytes) !== found.sha256) throw damaged(`${file} is another file than was saved`);
    return bytes;
  };
  const of = (role: string): readonly SavedDocument[] => documents.filter((entry) => entry.role === role);
  return {
    root: async (version) =>
      read(of('root').find((entry) => version === undefined || entry.version === version)),
    current: async (role) => read(of(role)[0]),
    listed: async (role, sha256) => read(of(role).find((entry) => entry.sha256 === sha256)),
  };
}

/** A server that shows an older state, or another of the same version, than it did is not believed over what is there. */
function assertNotBehind(
  repository: string,
  before: readonly SavedDocument[],
  now: readonly SavedDocument[],
): void {
  for (const saved of before) {
    const versions = now.filter(({ role }) => role === saved.role);
    const twin = versions.find(({ version }) => version === saved.version);
    const newest = Math.max(...versions.map(({ version }) => version));
    const isOther = twin !== undefined && twin.sha256 !== saved.sha256;
    if (versions.length === 0 || (newest >= saved.version && !isOther)) continue;
    throw new CliError(
      'ROLLBACK',
      exitCodes.denied,
      `${repository}: ${saved.role} v${saved.version} was saved, the server now has ${isOther ? 'another one' : `v${newest}`}`,
      'what was saved stays; find out who changed the server before you save to another directory',
    );
  }
}

/** Repository names hold no component that begins with `_` or `.`, so `_trust` is nobody's name and nothing escapes. */
function baseOf(directory: string, repository: string): string {
  if (!isRepositoryName(repository)) throw damaged(`${printable(repository)} is no repository name`);
  return join(directory, ...repository.split('/'), '_trust');
}

/** As on the wire: `3.root.json`, others by hash. */
function fileNameOf({ role, version, sha256 }: SavedDocument): string {
  return role === 'root' ? `${version}.root.${sha256}.json` : `${role}.${sha256}.json`;
}

/** Names hold the hash of their content: one that is there whole is the same. */
async function writeNew(
  file: string,
  bytes: Uint8Array,
  random: (bytes: number) => Uint8Array,
): Promise<void> {
  const present = readPlainFile(file, bytes.length);
  if (present.bytes !== undefined && Buffer.from(present.bytes).equals(bytes)) return;
  await mkdir(dirname(file), { recursive: true });
  await replace(file, bytes, random);
}

async function replace(
  file: string,
  bytes: Uint8Array,
  random: (bytes: number) => Uint8Array,
): Promise<void> {
  const temporary = join(dirname(file), `.${Buffer.from(random(12)).toString('hex')}.tmp`);
  const { O_CREAT, O_EXCL, O_NOFOLLOW, O_WRONLY } = constants;
  const handle = await open(temporary, O_CREAT | O_EXCL | O_NOFOLLOW | O_WRONLY, 0o644);
  try {
    await handle.writeFile(bytes);
    await handle.sync();
  } finally {
    await handle.close();
  }
  try {
    await rename(temporary, file);
  } catch (error) {
    await rm(temporary, { force: true });
    throw error;
  }
}

function damaged(message: string, cause?: unknown): CliError {
  return new CliError(
    'SAVE_DAMAGED',
    exitCodes.denied,
    message,
    'take it away and save again: vidimus migrate dct --from URL --repositories FILE --save DIR',
    { cause },
  );
}
