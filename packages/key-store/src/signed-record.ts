/**
 * What a client key signed, in an append-only file beside it (`<key id>.signed`, one JSON object a line): a
 * server, or whoever took it over, must not get two documents of one version signed, of which it could show
 * one to some and the other to others.
 */
import { isSha256Hex } from '@vidimus/crypto';
import { z } from 'zod';
import { KeyStoreError } from './errors.ts';
import type { Random } from './key-store.ts';
import { appendPrivateFile, createPrivateFile, readPrivateFile } from './private-file.ts';

const MAX_RECORD_BYTES = 2 ** 24;

/** Without braces: then only a whole line ends in one, and a torn line is known as such. */
const nameSchema = z
  .string()
  .max(255)
  .regex(/^[^{}]+$/);

const documentSchema = z.strictObject({
  repository: nameSchema,
  dialect: nameSchema,
  role: nameSchema,
  version: z.number().int().positive(),
  sha256: z.string().refine(isSha256Hex),
  insteadOf: z.string().refine(isSha256Hex).optional(),
});

/** One document to sign. */
export interface SignedDocument {
  readonly repository: string;
  readonly dialect: string;
  readonly role: string;
  readonly version: number;
  /** Hex SHA-256 of the bytes that are signed. */
  readonly sha256: string;
  /** The document of this version that this key signed before and a person declared dead. */
  readonly insteadOf?: string | undefined;
}

/** An empty record for a new key. */
export async function createSignedRecord(path: string, random: Random): Promise<void> {
  await createPrivateFile(path, new Uint8Array(), random);
}

/**
 * Writes down that the key is about to sign `document`; on disk when this returns, so call it before signing.
 * The same document again is no second one.
 * @throws KeyStoreError ALREADY_SIGNED (detail: the other `sha256`) unless `insteadOf` names what was signed
 *   last; RECORD_CORRUPT
 */
export async function claimVersion(path: string, document: SignedDocument): Promise<void> {
  const entry = documentSchema.parse(document);
  const before = await readRecord(path);
  if (!follows(entry, signedFor(before.documents, entry))) throw alreadySigned(before.documents, entry);
  const isKnown = signedFor(before.documents, entry) === entry.sha256;
  const line = isKnown ? '' : `${before.endsTorn ? '\n' : ''}${JSON.stringify(entry)}\n`;
  // Also when nothing is added: the known line may not have reached the disk yet.
  if (!(await appendPrivateFile(path, Buffer.from(line)))) throw missing(path);
  // Another process may have written between our look and our line: the first line wins.
  const after = await readRecord(path);
  if (signedFor(after.documents, entry) !== entry.sha256) throw alreadySigned(after.documents, entry);
}

/**
 * Everything the key signed, oldest first.
 * @throws KeyStoreError RECORD_CORRUPT or FILE_UNSAFE
 */
export async function readSignedRecord(path: string): Promise<readonly SignedDocument[]> {
  return (await readRecord(path)).documents;
}

async function readRecord(path: string): Promise<{ documents: SignedDocument[]; endsTorn: boolean }> {
  const bytes = await readPrivateFile(path, MAX_RECORD_BYTES, 'refuse');
  if (bytes === undefined) throw missing(path);
  const text = Buffer.from(bytes).toString('utf8');
  const documents: SignedDocument[] = [];
  for (const line of text.split('\n')) {
    // A line without its end was torn by a crash: nothing was signed under it.
    if (!line.endsWith('}')) continue;
    const entry = parseLine(line, path);
    if (follows(entry, signedFor(documents, entry))) documents.push(entry);
  }
  return { documents, endsTorn: text !== '' && !text.endsWith('\n') };
}

function parseLine(line: string, path: string): SignedDocument {
  try {
    return documentSchema.parse(JSON.parse(line));
  } catch (cause) {
    throw new KeyStoreError(
      'RECORD_CORRUPT',
      'a line of the record of signatures was altered',
      { path },
      { cause },
    );
  }
}

/** Whether an entry is the first of its version, the same again, or names the one it replaces. */
function follows(entry: SignedDocument, signed: string | undefined): boolean {
  return signed === undefined || signed === entry.sha256 || signed === entry.insteadOf;
}

/** What was signed last for the entry's version. */
function signedFor(documents: readonly SignedDocument[], entry: SignedDocument): string | undefined {
  return documents.findLast((other) => isSameVersion(other, entry))?.sha256;
}

function isSameVersion(a: SignedDocument, b: SignedDocument): boolean {
  return (
    a.repository === b.repository && a.dialect === b.dialect && a.role === b.role && a.version === b.version
  );
}

function alreadySigned(documents: readonly SignedDocument[], entry: SignedDocument): KeyStoreError {
  const { repository, dialect, role, version } = entry;
  return new KeyStoreError('ALREADY_SIGNED', `this key signed another ${role} of version ${version} before`, {
    repository,
    dialect,
    role,
    version,
    sha256: signedFor(documents, entry) ?? '',
  });
}

function missing(path: string): KeyStoreError {
  return new KeyStoreError('RECORD_CORRUPT', 'the record of what this key signed is missing', { path });
}
