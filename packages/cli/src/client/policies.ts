/** Policy files on disk, compiled. */
import { readdirSync, readFileSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { sha256Hex } from '@vidimus/crypto';
import {
  type Bundle,
  builtInBundle,
  compilePolicies,
  formatPolicyError,
  type PolicySource,
  sourcesText,
} from '@vidimus/policy';
import { CliError } from '../cli-error.ts';
import type { RepositoryEntry } from '../config/client-config.ts';
import { besideConfig, findEntry } from '../config/resolve-config.ts';
import type { Context } from '../context.ts';
import { exitCodes } from '../exit-codes.ts';

const maxPolicyBytes = 1024 * 1024;
const maxPolicyFiles = 2000;
const unreadable = 'check its name and permissions';

/** The policies of a repository: `--policy`, else the configuration's, else the built-in ones. */
export function bundleFor(context: Context, repository: string, named: string | undefined): Bundle {
  const found = findEntry(context.config(), repository);
  if (named !== undefined) {
    if (found?.entry.final === true) {
      const message = `the system's configuration fixes the policies of ${repository}`;
      throw new CliError(
        'USAGE',
        exitCodes.usage,
        message,
        'leave out --policy, or try policies with: vidimus policy test',
      );
    }
    return compileFiles(readPolicyFiles([named]), found?.entry.unavailable);
  }
  if (found?.entry.policies === undefined) return builtInBundle();
  const { policies, unavailable } = found.entry;
  return compileFiles(readPolicyFiles(policies.map((path) => besideConfig(found.file, path))), unavailable);
}

/** All `.yaml` files of the given files and directories, in order of name. @throws CliError POLICY_INVALID */
export function readPolicyFiles(paths: readonly string[]): readonly PolicySource[] {
  const files = paths.flatMap(filesAt);
  if (files.length > maxPolicyFiles) throw invalid(`more than ${maxPolicyFiles} policy files`);
  return files.map((file) => ({ file, text: readBounded(file) }));
}

type Unavailable = NonNullable<RepositoryEntry['unavailable']>;

/** Signatures, revocation and metadata that are not known deny whatever stands here; rules may say their own. */
const onUnknown = { closed: 'deny', warn: 'warn', open: 'allow' } as const;

/**
 * @param unavailable what silence of the registry means to rules that do not say; the digest names it where it
 *   is not the default, so that a decision is replayed with it
 * @throws CliError POLICY_INVALID with the position of the first error
 */
export function compileFiles(sources: readonly PolicySource[], unavailable: Unavailable = 'closed'): Bundle {
  const setting = unavailable === 'closed' ? '' : `unavailable: ${unavailable}\n`;
  const result = compilePolicies(sources, {
    digest: `sha256:${sha256Hex(new TextEncoder().encode(`${setting}${sourcesText(sources)}`))}`,
    onUnknown: onUnknown[unavailable],
  });
  if (result.bundle !== undefined) return result.bundle;
  const [first, ...more] = result.errors;
  const rest = more.length === 0 ? '' : ` (and ${more.length} more)`;
  throw invalid(`${first === undefined ? 'no policy' : formatPolicyError(first)}${rest}`);
}

function filesAt(path: string): readonly string[] {
  try {
    if (!statSync(path).isDirectory()) return [path];
    const names = readdirSync(path).filter((name) => /\.ya?ml$/.test(name));
    return names.sort().map((name) => join(path, name));
  } catch (cause) {
    throw new CliError('POLICY_INVALID', exitCodes.usage, `cannot read the policy ${path}`, unreadable, {
      cause,
    });
  }
}

function readBounded(file: string): string {
  try {
    if (statSync(file).size > maxPolicyBytes) throw invalid(`${file} is larger than 1 MiB`);
    return readFileSync(file, 'utf8');
  } catch (cause) {
    if (cause instanceof CliError) throw cause;
    throw new CliError('POLICY_INVALID', exitCodes.usage, `cannot read the policy ${file}`, unreadable, {
      cause,
    });
  }
}

function invalid(message: string): CliError {
  return new CliError('POLICY_INVALID', exitCodes.usage, message, 'vidimus policy lint shows every error');
}
