/** The keys that wrap all others: from the environment or a file; made at first start on the embedded database. */
import { join } from 'node:path';
import {
  createMasterKeyFile,
  KeyStoreError,
  type MasterKey,
  parseMasterKey,
  type Random,
  readMasterKeyFile,
} from '@vidimus/key-store';
import { CliError } from '../cli-error.ts';
import type { Environment } from '../context.ts';
import { exitCodes } from '../exit-codes.ts';

export interface MasterKeys {
  readonly service: MasterKey;
  /** Absent: roots the service holds cannot be changed; everything else goes on. */
  readonly root?: MasterKey;
  /** Those of before, or of after: they open what they wrapped, while it is wrapped anew. */
  readonly previous?: { readonly service?: MasterKey; readonly root?: MasterKey };
}

export interface MasterKeyParts {
  readonly environment: Environment;
  /** Where the embedded database keeps its own; undefined with PostgreSQL, where they must be given. */
  readonly dataDirectory: string | undefined;
  readonly random: Random;
}

/** @throws CliError USAGE when one is needed and not given; KeyStoreError for one that cannot be used */
export async function readMasterKeys(parts: MasterKeyParts): Promise<MasterKeys> {
  const { environment, dataDirectory } = parts;
  const service = await readGivenKey(environment, 'VIDIMUS_MASTER_KEY');
  const root = await readGivenKey(environment, 'VIDIMUS_ROOT_MASTER_KEY');
  const previous = await readPrevious(environment);
  if (dataDirectory !== undefined) {
    return {
      service: service ?? (await readOrMakeKey(join(dataDirectory, 'master.key'), parts.random)),
      root: root ?? (await readOrMakeKey(join(dataDirectory, 'root-master.key'), parts.random)),
      ...previous,
    };
  }
  if (service === undefined) {
    throw new CliError(
      'USAGE',
      exitCodes.usage,
      'with DATABASE_URL the service needs its master key',
      'set VIDIMUS_MASTER_KEY (base64 of 32 random bytes: openssl rand -base64 32) or VIDIMUS_MASTER_KEY_FILE',
    );
  }
  return { service, ...(root === undefined ? {} : { root }), ...previous };
}

async function readPrevious(environment: Environment): Promise<Pick<MasterKeys, 'previous'>> {
  const service = await readGivenKey(environment, 'VIDIMUS_MASTER_KEY_PREVIOUS');
  const root = await readGivenKey(environment, 'VIDIMUS_ROOT_MASTER_KEY_PREVIOUS');
  if (service === undefined && root === undefined) return {};
  return {
    previous: { ...(service === undefined ? {} : { service }), ...(root === undefined ? {} : { root }) },
  };
}

/** The key in a variable, or in the file that the variable's `_FILE` names. @throws CliError USAGE for both */
export async function readGivenKey(environment: Environment, name: string): Promise<MasterKey | undefined> {
  const text = environment[name];
  const file = environment[`${name}_FILE`];
  if (text && file) throw new CliError('USAGE', exitCodes.usage, `${name} and ${name}_FILE are both set`);
  if (text) return parseMasterKey(text);
  return file ? await readMasterKeyFile(file) : undefined;
}

/** The key in a file, which is made where there is none. */
export async function readOrMakeKey(path: string, random: Random): Promise<MasterKey> {
  try {
    return await readMasterKeyFile(path);
  } catch (error) {
    if (!(error instanceof KeyStoreError) || error.code !== 'MASTER_KEY_MISSING') throw error;
    return await createMasterKeyFile(path, random);
  }
}
