/** The server that is left: named by URL, trusted as Docker trusts it. */

import { homedir } from 'node:os';
import { join } from 'node:path';
import type { Context, Environment } from '../../context.ts';
import { readNamedFile } from '../../publish/bounded-file.ts';
import { readPlainFile } from '../../trust-dir/plain-files.ts';
import { type NotaryWire, openNotaryWire } from './notary-wire.ts';

const maxCaBytes = 1024 * 1024;

/** @param caFile PEM; else where Docker looks for the CA of a server @throws CliError FILE_UNREADABLE */
export function openFromServer(context: Context, server: string, caFile: string | undefined): NotaryWire {
  const { environment } = context.world;
  const ca =
    caFile === undefined
      ? dockersCa(environment, server)
      : readNamedFile(caFile, maxCaBytes).toString('utf8');
  return openNotaryWire({ server, environment, ...(ca === undefined ? {} : { ca }) });
}

/** `~/.docker/tls/<host:port>/ca.crt`, if Docker has one for this server. */
function dockersCa(environment: Environment, server: string): string | undefined {
  if (!URL.canParse(server)) return undefined;
  const docker = environment['DOCKER_CONFIG'] || join(environment['HOME'] || homedir(), '.docker');
  const { bytes } = readPlainFile(join(docker, 'tls', new URL(server).host, 'ca.crt'), maxCaBytes);
  return bytes && Buffer.from(bytes).toString('utf8');
}
