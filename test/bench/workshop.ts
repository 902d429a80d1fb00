/** What the sections share: the bundled program, a PostgreSQL server, services over it, and their end. */
import { randomBytes } from 'node:crypto';
import { mkdtemp, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { createPublishClient, type PublishClient } from '@vidimus/trust-client';
import { buildBundle } from '../support/bundle.ts';
import { type PostgresServer, startPostgres } from '../support/postgres-server.ts';
import { TEST_CA, TEST_CERTIFICATE, TEST_KEY } from '../support/registry-tls.ts';
import { startServe } from '../support/serve-process.ts';

export interface Service {
  readonly url: string;
  /** PEM, where it speaks TLS. */
  readonly ca?: string;
  /** An administrator's. */
  readonly token: string;
  readonly pid: number;
  readonly publisher: PublishClient;
  /** Of its database; undefined when that is embedded. */
  readonly databaseUrl: string | undefined;
  /** Ends it before the workshop does. */
  stop(): Promise<void>;
}

export interface ServeOptions {
  readonly tls?: boolean;
  /** `open`: uploads signed by present keys need no token. */
  readonly access?: 'open';
}

/** What `npm run bench` was told. */
export interface WorkshopOptions {
  /** A server of the Notary wire to be compared with. */
  readonly peer?: string;
  /** PEM of the authority behind it. */
  readonly peerCa?: string;
}

export interface Workshop extends WorkshopOptions {
  /** `vidimus.js` of the bundle. */
  readonly program: string;
  /** A fresh `vidimus serve` on a fresh database. */
  serve(database: 'postgres' | 'embedded', options?: ServeOptions): Promise<Service>;
  /** The PostgreSQL server that the services use. */
  postgres(): Promise<PostgresServer>;
  /** An empty directory. */
  makeDirectory(): Promise<string>;
  /** Ends a service before the others, so that it costs the next section nothing. */
  close(): Promise<void>;
}

const token = `vdm_${randomBytes(32).toString('hex')}`;
const masterKey = randomBytes(32).toString('base64');
const rootMasterKey = randomBytes(32).toString('base64');

export async function openWorkshop(options: WorkshopOptions = {}): Promise<Workshop> {
  const bundle = await buildBundle();
  const endings: (() => Promise<unknown>)[] = [() => bundle.remove()];
  let postgres: Promise<PostgresServer> | undefined;
  const openPostgres = (): Promise<PostgresServer> => {
    postgres ??= startPostgres().then((server) => {
      endings.splice(1, 0, () => server.stop());
      return server;
    });
    return postgres;
  };
  const makeDirectory = (): Promise<string> => mkdtemp(join(bundle.directory, 'bench-'));
  return {
    ...options,
    program: bundle.program,
    makeDirectory,
    postgres: openPostgres,
    async serve(database, { tls = false, access } = {}) {
      const databaseUrl = database === 'postgres' ? await (await openPostgres()).createDatabase() : undefined;
      const directory = await makeDirectory();
      const write = async (name: string, content: string): Promise<string> => {
        const file = join(directory, name);
        await writeFile(file, content, { mode: 0o600 });
        return file;
      };
      const flags = ['--data', join(directory, 'data')];
      if (tls) {
        flags.push('--tls-cert', await write('server.crt', TEST_CERTIFICATE));
        flags.push('--tls-key', await write('server.key', TEST_KEY));
      }
      if (access !== undefined) {
        flags.push('--config', await write('config.yaml', `version: 1\nservice: {access: ${access}}\n`));
      }
      const serving = await startServe([process.execPath, bundle.program], flags, {
        VIDIMUS_ADMIN_TOKEN: token,
        VIDIMUS_MASTER_KEY: masterKey,
        VIDIMUS_ROOT_MASTER_KEY: rootMasterKey,
        ...(databaseUrl === undefined ? {} : { DATABASE_URL: databaseUrl }),
      });
      const publisher = createPublishClient({
        server: serving.url,
        token,
        ...(tls ? { ca: TEST_CA } : {}),
      });
      let ended: Promise<void> | undefined;
      const stop = (): Promise<void> => {
        ended ??= serving.stop().then(() => publisher.close());
        return ended;
      };
      endings.push(stop);
      return {
        url: serving.url,
        ...(tls ? { ca: TEST_CA } : {}),
        token,
        pid: serving.pid,
        publisher,
        databaseUrl,
        stop,
      };
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
