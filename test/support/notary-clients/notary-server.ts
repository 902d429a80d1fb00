/** Debian's `notary-server` 0.7.0: what the tests' own tools, and our speed, are tried against. */
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { freePort } from '../free-port.ts';
import { startNotaryProgram } from '../notary-program.ts';
import { TEST_CA, TEST_CERTIFICATE, TEST_KEY } from '../registry-tls.ts';

export interface NotaryServer {
  /** `https://127.0.0.1:<port>`, or `http:` */
  readonly url: string;
  readonly ca: string;
  close(): Promise<void>;
}

/** Storage of the server as its configuration file has it. */
export interface NotaryServerOptions {
  readonly storage?: Readonly<Record<string, string>>;
  /** Plain HTTP. */
  readonly plain?: boolean;
}

/** Starts it and waits until it takes connections; a missing program rejects. */
export async function startNotaryServer(options: NotaryServerOptions = {}): Promise<NotaryServer> {
  const directory = mkdtempSync(join(tmpdir(), 'vdm-notary-server-'));
  const write = (name: string, content: string): string => {
    const file = join(directory, name);
    writeFileSync(file, content, { mode: 0o600 });
    return file;
  };
  // It does not say which port it got, so it is given one.
  const port = await freePort();
  const isPlain = options.plain === true;
  const tls = isPlain
    ? {}
    : {
        tls_cert_file: write('server.crt', TEST_CERTIFICATE),
        tls_key_file: write('server.key', TEST_KEY),
      };
  const configuration = {
    server: { http_addr: `127.0.0.1:${port}`, ...tls },
    trust_service: { type: 'local' },
    storage: options.storage ?? { backend: 'memory' },
    logging: { level: 'error' },
  };
  const program = startNotaryProgram('notary-server', write('config.json', JSON.stringify(configuration)));
  const close = async (): Promise<void> => {
    await program.stop();
    rmSync(directory, { recursive: true, force: true });
  };
  try {
    await program.listens(port);
  } catch (error) {
    await close();
    throw error;
  }
  return { url: `${isPlain ? 'http' : 'https'}://127.0.0.1:${port}`, ca: TEST_CA, close };
}
