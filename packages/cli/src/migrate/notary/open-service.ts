/** The service's own database and keys, opened as `vidimus serve` opens them, for a command that works beside it. */
import { type Database, openDatabase } from '@vidimus/database';
import { createWrappedKeyStore } from '@vidimus/key-store';
import { createImporter, type Importer, pinMasterKeys } from '@vidimus/trust-server';
import type { Context } from '../../context.ts';
import { readMasterKeys } from '../../serve/master-keys.ts';
import { readServeSettings, type ServeFlags, toDatabaseSource } from '../../serve/serve-settings.ts';
import { toStartFailure } from '../../serve/start-failure.ts';

export interface OpenedService {
  readonly importer: Importer;
  close(): Promise<void>;
}

/** @throws CliError with what keeps the service from starting, too */
export async function openService(
  { world, terminal }: Context,
  flags: Pick<ServeFlags, 'data' | 'config'>,
): Promise<OpenedService> {
  const { environment, random, now } = world;
  let database: Database | undefined;
  try {
    const settings = readServeSettings(flags, environment);
    const keyParts = { environment, random, dataDirectory: undefined };
    const given = settings.databaseUrl === undefined ? undefined : await readMasterKeys(keyParts);
    database = await openDatabase(toDatabaseSource(settings), {
      warn: ({ message }) => terminal.note(`warning  ${message}`),
    });
    const masters = given ?? (await readMasterKeys({ ...keyParts, dataDirectory: settings.dataDirectory }));
    await pinMasterKeys(database, masters);
    const keyStore = createWrappedKeyStore({ random, now, master: masters.service });
    const opened = database;
    return {
      importer: createImporter({ database, keyStore, now, randomBytes: random }),
      close: () => opened.close(),
    };
  } catch (error) {
    await database?.close();
    throw toStartFailure(error);
  }
}
