/** Notary's data in PostgreSQL. */
import postgres from 'postgres';
import {
  SOURCE_CONNECT_TIMEOUT_MS,
  SOURCE_STATEMENT_TIMEOUT_MS,
  type SourceDatabase,
  type SourceReader,
} from './source-database.ts';
import { toSourceError } from './source-error.ts';

/** Nothing is asked before the first `read`. */
export function openPostgresSource(url: string, flag: string): SourceDatabase {
  const client = postgres(url, {
    max: 1,
    connect_timeout: SOURCE_CONNECT_TIMEOUT_MS / 1_000,
    onnotice: () => undefined,
    // Statements differ from repository to repository in their values alone, but the source may be behind a pooler.
    prepare: false,
    connection: { application_name: 'vidimus migrate', statement_timeout: SOURCE_STATEMENT_TIMEOUT_MS },
  });
  return {
    read: async (work) => {
      try {
        const result = await client.begin('isolation level repeatable read read only', async (tx) => {
          const reader: SourceReader = {
            kind: 'postgres',
            query: async (statement, values = []) =>
              await tx.unsafe(numbered(statement), [...values]).catch(rethrow(flag)),
          };
          // Wrapped: the driver would flatten an array.
          return { value: await work(reader) };
        });
        return result.value;
      } catch (error) {
        throw toSourceError(error, flag);
      }
    },
    close: () => client.end({ timeout: 1 }),
  };
}

/** `?` becomes `$1`, `$2`, …; no statement of ours has one in a literal. */
function numbered(statement: string): string {
  let count = 0;
  return statement.replace(/\?/g, () => `$${++count}`);
}

function rethrow(flag: string): (error: unknown) => never {
  return (error) => {
    throw toSourceError(error, flag);
  };
}
