/** The database of the service, opened by a command beside it. */
import { type Database, openDatabase } from '@vidimus/database';
import { pinMasterKeys } from '@vidimus/trust-server';
import type { Context } from '../context.ts';
import { type MasterKeys, readMasterKeys } from '../serve/master-keys.ts';
import { readServeSettings, type ServeFlags, toDatabaseSource } from '../serve/serve-settings.ts';
import { toStartFailure } from '../serve/start-failure.ts';

export type ServiceFlags = Pick<ServeFlags, 'data' | 'config'>;

/** Where the service keeps what it knows. */
export type ServicePlace =
  | { readonly kind: 'postgres'; readonly url: string; readonly migrateUrl?: string }
  | { readonly kind: 'embedded'; readonly directory: string };

/** @throws CliError USAGE, CONFIG_INVALID */
export function servicePlace({ world }: Context, flags: ServiceFlags): ServicePlace {
  const source = toDatabaseSource(readServeSettings(flags, world.environment));
  return 'url' in source ? { kind: 'postgres', ...source } : { kind: 'embedded', ...source };
}

/** Opened and migrated. @throws CliError with what keeps the service from starting, too */
export async function openPlace({ terminal }: Context, place: ServicePlace): Promise<Database> {
  try {
    return await openDatabase(place, { warn: ({ message }) => terminal.note(`warning  ${message}`) });
  } catch (error) {
    throw toStartFailure(error);
  }
}

/** The master keys, which must be those of the database. @throws CliError */
export async function openMasters(
  { world }: Context,
  place: ServicePlace,
  database: Database,
): Promise<MasterKeys> {
  const { environment, random } = world;
  const dataDirectory = place.kind === 'embedded' ? place.directory : undefined;
  try {
    const masters = await readMasterKeys({ environment, random, dataDirectory });
    await pinMasterKeys(database, masters);
    return masters;
  } catch (error) {
    throw toStartFailure(error);
  }
}
