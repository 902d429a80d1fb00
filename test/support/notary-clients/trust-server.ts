/** `vidimus serve` over TLS as old clients see it, on either database. */
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { createServiceBed } from '../service-bed.ts';
import { ADMIN_TOKEN } from '../service-process.ts';

/** What a client has to be told about a trust server. */
export interface TrustServer {
  /** `https://host:port` */
  readonly url: string;
  /** Certificate authority of its certificate (PEM). */
  readonly ca: string;
  /** `user:password` of somebody who may create and delete. */
  readonly login: string;
}

export interface TrustServerForTest extends TrustServer {
  readonly caFile: string;
  close(): Promise<void>;
}

export type DatabaseKind = 'embedded' | 'postgres';

/** Starts the program from the sources with a certificate of its own making. */
export async function startTrustServer(kind: DatabaseKind): Promise<TrustServerForTest> {
  const bed = createServiceBed();
  try {
    const options = kind === 'postgres' ? (await bed.postgres()).options : { data: await bed.directory() };
    const service = await bed.start({ ...options, flags: ['--tls-dev', '--listen', '127.0.0.1:0'] });
    const caFile = join(options.data, 'tls', 'ca.crt');
    return {
      url: service.url,
      ca: await readFile(caFile, 'utf8'),
      caFile,
      login: `admin:${ADMIN_TOKEN}`,
      close: bed.close,
    };
  } catch (error) {
    await bed.close();
    throw error;
  }
}
