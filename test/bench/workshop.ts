/** What the sections share: the bundled program, a PostgreSQL server, services over it, and their end. */
import { randomBytes } from 'node:crypto';
import { mkdtemp } from 'node:fs/promises';
import { join } from 'node:path';
import { createPublishClient, type PublishClient } from '@vidimus/trust-client';
import { buildBundle } from '../support/bundle.ts';
import { type PostgresServer, startPostgres } from '../support/postgres-server.ts';
import { startServe } from '../support/serve-process.ts';

export interface Service {
  readonly url: string;
  readonly pid: number;
  readonly publisher: PublishClient;
  /** Of its database; undefined when that is embedded. */
  readonly databaseUrl: string | undefined;
}

export interface Workshop {
  /** `vidimus.js` of the bundle. */
  readonly program: string;
  /** A fresh `vidimus serve` on a fresh database. */
  serve(database: 'postgres' | 'embedded'): Promise<Service>;
  /** An empty directory. */
  makeDirectory(): Promise<string>;
  /** Ends a service before the others, so that it costs the next section nothing. */
  close(): Promise<void>;
}

const token = `vdm_${randomBytes(32).toString('hex')}`;
const masterKey = randomBytes(32).toString('base64');
const rootMasterKey = randomBytes(32).toString('base64');

export async function openWorkshop(): Promise<Workshop> {
  const bundle = await buildBundle();
  const endings: (() => Promise<unknown>)[] = [() => bundle.remove()];
  let postgres: Promise<PostgresServer> | undefined;
  const createDatabase = async (): Promise<string> => {
    postgres ??= startPostgres().then((server) => {
      endings.splice(1, 0, () => server.stop());
      return server;
    });
    return await (await postgres).createDatabase();
  };
  const makeDirectory = (): Promise<string> => mkdtemp(join(bundle.directory, 'bench-'));
  return {
    program: bundle.program,
    makeDirectory,
    async serve(database) {
      const databaseUrl = database === 'postgres' ? await createDatabase() : undefined;
      const serving = await startServe(
        [process.execPath, bundle.program],
        ['--data', await makeDirectory()],
        {
          VIDIMUS_ADMIN_TOKEN: token,
          VIDIMUS_MASTER_KEY: masterKey,
          VIDIMUS_ROOT_MASTER_KEY: rootMasterKey,
          ...(databaseUrl === undefined ? {} : { DATABASE_URL: databaseUrl }),
        },
      );
      const publisher = createPublishClient({ server: serving.url, token });
      endings.push(async () => {
        publisher.close();
        await serving.stop();
      });
      return { url: serving.url, pid: serving.pid, publisher, databaseUrl };
    },
    async close() {
      for (const end of endings.reverse()) await end();
    },
  };
}

/** A repository whose keys the service holds, the root's too. */
export async function createRepository(publisher: PublishClient, repository: string): Promise<void> {
  const roles = { root: { keys: [{ custody: 'managed' as const }] } };
  await publisher.createRepository(repository, { roles });
}

/** A digest for a number; size 1234 goes with it. */
export function tagBody(number: number): { readonly digest: string; readonly size: number } {
  return { digest: `sha256:${number.toString(16).padStart(64, '0')}`, size: 1234 };
}
