/** Opens a source by its URL; the driver of the other kind is not even loaded. */
import type { SourceDatabase } from './source-database.ts';
import { parseSourceUrl } from './source-url.ts';

/**
 * Nothing is asked before the first `read`.
 * @param flag the option that gave the URL, for what is said about it
 * @throws CliError USAGE
 */
export async function openSource(url: string, flag: string): Promise<SourceDatabase> {
  const address = parseSourceUrl(url, flag);
  if (address.kind === 'postgres') {
    return (await import('./postgres-source.ts')).openPostgresSource(address.url, flag);
  }
  return (await import('./mysql-source.ts')).openMysqlSource(address, flag);
}
