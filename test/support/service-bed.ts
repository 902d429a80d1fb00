/** What the end-to-end tests with databases start: data directories, PostgreSQL, services, witnesses; and their end. */
import { randomBytes } from 'node:crypto';
import { rm } from 'node:fs/promises';
import { copyTemplate } from './database-embedded.ts';
import { type PostgresServer, startPostgres } from './postgres-server.ts';
import { type ServiceOptions, type ServiceProcess, startService } from './service-process.ts';
import { createWitness, type Seen, type Witness } from './service-witness.ts';

export interface ServiceBed {
  /** A migrated data directory of nobody's. */
  directory(): Promise<string>;
  /** An empty database, the keys for it, and a data directory; `own`: on a server that can be restarted. */
  postgres(own?: boolean): Promise<{ readonly server: PostgresServer; readonly options: ServiceOptions }>;
  start(options: ServiceOptions): Promise<ServiceProcess>;
  witness(repository: string): Promise<Witness>;
  /** Runs at the end, before what was started earlier ends. */
  afterwards(work: () => Promise<unknown>): void;
  /** Ends all that was started, the last first. */
  close(): Promise<void>;
}

export function createServiceBed(): ServiceBed {
  const cleanups: (() => Promise<unknown>)[] = [];
  const bed: ServiceBed = {
    directory: async () => {
      const directory = await copyTemplate();
      cleanups.push(() => rm(directory, { recursive: true, force: true }));
      return directory;
    },
    postgres: async (own = false) => {
      const data = await bed.directory();
      const server = await startPostgres({ own });
      cleanups.push(() => server.stop());
      const environment = {
        DATABASE_URL: await server.createDatabase(),
        VIDIMUS_MASTER_KEY: randomBytes(32).toString('base64'),
        VIDIMUS_ROOT_MASTER_KEY: randomBytes(32).toString('base64'),
      };
      return { server, options: { data, environment } };
    },
    start: async (options) => {
      const service = await startService(options);
      cleanups.push(() => service.kill());
      return service;
    },
    witness: async (repository) => {
      const witness = await createWitness(repository);
      cleanups.push(() => witness.close());
      return witness;
    },
    afterwards: (work) => {
      cleanups.push(work);
    },
    close: async () => {
      for (const cleanup of cleanups.splice(0).reverse()) await cleanup();
    },
  };
  return bed;
}

/** Publishes that were acknowledged and are not found, or found with another digest. */
export function lostPublishes(acknowledged: ReadonlyMap<string, string>, { tags }: Seen): readonly string[] {
  return [...acknowledged].filter(([tag, digest]) => tags.get(tag) !== digest).map(([tag]) => tag);
}
