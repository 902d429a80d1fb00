/** `--repositories FILE`: one name a line, `#` begins a comment. */
import { parseReference, parseRepository, printable, ReferenceFormatError } from '@vidimus/reference';
import { CliError } from '../../cli-error.ts';
import { exitCodes } from '../../exit-codes.ts';
import { readNamedFile } from '../../publish/bounded-file.ts';

const maxFileBytes = 4 * 1024 * 1024;
const maxRepositories = 50_000;

/** Normalised names in the order of the file, each once. @throws CliError FILE_UNREADABLE, REPOSITORIES_INVALID */
export function readRepositoryList(file: string): readonly string[] {
  const lines = readNamedFile(file, maxFileBytes).toString('utf8').split(/\r?\n/);
  const names = new Set<string>();
  for (const [index, line] of lines.entries()) {
    const text = line.replace(/#.*/, '').trim();
    if (text !== '') names.add(toName(text, `${file}:${index + 1}`));
  }
  if (names.size === 0) throw invalid(`${file} names no repository`);
  if (names.size > maxRepositories) throw invalid(`${file} names more than ${maxRepositories} repositories`);
  return [...names];
}

function toName(text: string, where: string): string {
  try {
    const { implicitTag, digest } = parseReference(text);
    if (!implicitTag || digest !== undefined)
      throw invalid(`${where}: ${printable(text)} names a tag or digest`);
    return parseRepository(text).name;
  } catch (cause) {
    if (!(cause instanceof ReferenceFormatError)) throw cause;
    throw invalid(`${where}: ${printable(text)} is no repository name`, cause);
  }
}

function invalid(message: string, cause?: unknown): CliError {
  return new CliError(
    'REPOSITORIES_INVALID',
    exitCodes.usage,
    message,
    'one repository a line, without tags, like docker.io/acme/web',
    { cause },
  );
}
