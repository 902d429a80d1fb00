/** Debian's `notary-server` on a PostgreSQL database, with or without `notary-signer` on another: what people run. */
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { freePort } from './free-port.ts';
import { type NotaryProgram, startNotaryProgram } from './notary-program.ts';
import { TEST_CA, TEST_CERTIFICATE, TEST_KEY } from './registry-tls.ts';

export interface NotaryPeer {
  /** `https://127.0.0.1:<port>` */
  readonly url: string;
  readonly ca: string;
  /** Both programs end; their databases stay. */
  stop(): Promise<void>;
}

export interface NotaryPeerOptions {
  /** With the tables of notary-server. */
  readonly databaseUrl: string;
  /** Without it the server keeps its keys in memory, and they end with it. */
  readonly signer?: {
    readonly databaseUrl: string;
    readonly alias: string;
    readonly passphrase: string;
    readonly algorithm: 'ecdsa' | 'ed25519';
  };
}

/** Starts it and waits until it takes connections. */
export async function startNotaryPeer({ databaseUrl, signer }: NotaryPeerOptions): Promise<NotaryPeer> {
  const directory = mkdtempSync(join(tmpdir(), 'vdm-notary-peer-'));
  const write = (name: string, content: string): string => {
    const file = join(directory, name);
    writeFileSync(file, content, { mode: 0o600 });
    return file;
  };
  const tls = { tls_cert_file: write('tls.crt', TEST_CERTIFICATE), tls_key_file: write('tls.key', TEST_KEY) };
  const storage = (url: string) => ({ backend: 'postgres', db_url: `${url}?sslmode=disable` });
  const logging = { level: 'error' };
  const running: NotaryProgram[] = [];
  const stop = async (): Promise<void> => {
    for (const program of running.splice(0).reverse()) await program.stop();
    rmSync(directory, { recursive: true, force: true });
  };
  try {
    let trust: Readonly<Record<string, string>> = { type: 'local' };
    if (signer !== undefined) {
      const port = await freePort();
      const config = {
        server: { grpc_addr: `127.0.0.1:${port}`, ...tls },
        storage: { ...storage(signer.databaseUrl), default_alias: signer.alias },
        logging,
      };
      const environment = { [`NOTARY_SIGNER_${signer.alias.toUpperCase()}`]: signer.passphrase };
      running.push(
        startNotaryProgram('notary-signer', write('signer.json', JSON.stringify(config)), environment),
      );
      await running.at(-1)?.listens(port);
      trust = {
        type: 'remote',
        hostname: '127.0.0.1',
        port: String(port),
        key_algorithm: signer.algorithm,
        tls_ca_file: write('ca.crt', TEST_CA),
      };
    }
    const port = await freePort();
    const config = {
      server: { http_addr: `127.0.0.1:${port}`, ...tls },
      trust_service: trust,
      storage: storage(databaseUrl),
      logging,
    };
    running.push(startNotaryProgram('notary-server', write('server.json', JSON.stringify(config))));
    await running.at(-1)?.listens(port);
    return { url: `https://127.0.0.1:${port}`, ca: TEST_CA, stop };
  } catch (error) {
    await stop();
    throw error;
  }
}
