/**
 * `--tls-dev`: an authority of this server's own in `<data>/tls`, made once, and a certificate from it that is renewed
 * at a start near its end. For evaluation: whoever reads the directory can be this server to its clients.
 */
import { X509Certificate } from 'node:crypto';
import { mkdir, rename, rm } from 'node:fs/promises';
import { isIP } from 'node:net';
import { join } from 'node:path';
import { type CertifiedKey, createAuthority, createServerCertificate, p256FromRandom } from '@vidimus/crypto';
import { directoryExists, isTaken, readPair, writeNew, writeWhole } from './tls-dev-files.ts';

const dayMs = 86_400_000;
const authorityMs = 3650 * dayMs;
/** The longest that strict clients take. */
const certificateMs = 397 * dayMs;
const renewBeforeMs = 30 * dayMs;
/** Clocks of clients may be behind ours. */
const behindMs = 3_600_000;
const serialBytes = 16;
const p256RandomBytes = 48;

export interface DevelopmentTlsParts {
  readonly dataDirectory: string;
  /** Names and addresses that clients use beside those every machine has for itself. */
  readonly hosts: readonly string[];
  /** Milliseconds since 1970. */
  readonly now: number;
  readonly random: (bytes: number) => Uint8Array;
}

export interface DevelopmentTls {
  /** What clients are to trust. */
  readonly caFile: string;
  /** Certificate and private key together, so that no crash can part them. */
  readonly serverFile: string;
}

/**
 * Makes what is missing, renews what ends soon or lacks a name, and leaves everything else as it is.
 * @throws CliError TLS_INVALID for a directory that is damaged or open to others; nothing in it is then changed
 */
export async function prepareDevelopmentTls(parts: DevelopmentTlsParts): Promise<DevelopmentTls> {
  const directory = join(parts.dataDirectory, 'tls');
  const [caFile, serverFile] = [join(directory, 'ca.crt'), join(directory, 'server.pem')];
  const readAuthority = () => readPair(directory, caFile, join(directory, 'ca.key'));
  if (!(await directoryExists(directory))) await makeDirectory(directory, parts);
  let authority = await readAuthority();
  if (endsSoon(authority.certPem, parts.now)) {
    await replaceDirectory(directory, parts);
    authority = await readAuthority();
  }
  const server = await readPair(directory, serverFile, serverFile);
  if (!fits(server, authority, parts)) {
    await writeWhole(serverFile, toServerPem(await issue(authority, parts)), unique(parts));
  }
  return { caFile, serverFile };
}

/** The whole directory appears at once: a crash leaves all of it or nothing. */
async function makeDirectory(directory: string, parts: DevelopmentTlsParts): Promise<void> {
  const unfinished = `${directory}.${unique(parts)}`;
  const authority = await createAuthority({
    commonName: 'Vidimus development authority',
    ...period(parts.now, authorityMs),
    ...newKey(parts),
  });
  await mkdir(unfinished, { recursive: true, mode: 0o700 });
  try {
    await writeNew(join(unfinished, 'ca.crt'), authority.certPem, 0o644);
    await writeNew(join(unfinished, 'ca.key'), authority.keyPem, 0o600);
    await writeNew(join(unfinished, 'server.pem'), toServerPem(await issue(authority, parts)), 0o600);
    await rename(unfinished, directory);
  } catch (error) {
    await rm(unfinished, { recursive: true, force: true });
    // Another process with this directory was first: its authority is as good.
    if (!isTaken(error)) throw error;
  }
}

async function replaceDirectory(directory: string, parts: DevelopmentTlsParts): Promise<void> {
  const old = `${directory}.${unique(parts)}`;
  await rename(directory, old);
  await makeDirectory(directory, parts);
  await rm(old, { recursive: true, force: true });
}

function issue(authority: CertifiedKey, parts: DevelopmentTlsParts): Promise<CertifiedKey> {
  const { notBefore, notAfter } = period(parts.now, certificateMs);
  const names = namesOf(parts);
  return createServerCertificate({
    authority,
    commonName: 'Vidimus development server',
    notBefore,
    notAfter: Math.min(notAfter, endOf(authority.certPem)),
    ...newKey(parts),
    names: names.filter((name) => isIP(name) === 0),
    addresses: names.filter((name) => isIP(name) !== 0),
  });
}

/** `0.0.0.0` and `::` are addresses to listen on, and nobody's name. */
function namesOf({ hosts }: DevelopmentTlsParts): readonly string[] {
  const named = hosts.filter((host) => host !== '0.0.0.0' && host !== '::');
  return [...new Set(['localhost', '127.0.0.1', '::1', ...named])];
}

function fits(server: CertifiedKey, authority: CertifiedKey, parts: DevelopmentTlsParts): boolean {
  const certificate = new X509Certificate(server.certPem);
  const hasName = (name: string) =>
    isIP(name) === 0 ? certificate.checkHost(name) : certificate.checkIP(name);
  return (
    certificate.verify(new X509Certificate(authority.certPem).publicKey) &&
    namesOf(parts).every((name) => hasName(name) !== undefined) &&
    !endsSoon(server.certPem, parts.now)
  );
}

function endsSoon(certPem: string, now: number): boolean {
  return endOf(certPem) < now + renewBeforeMs;
}

function endOf(certPem: string): number {
  return Date.parse(new X509Certificate(certPem).validTo);
}

function period(now: number, lifetimeMs: number): { readonly notBefore: number; readonly notAfter: number } {
  return { notBefore: now - behindMs, notAfter: now + lifetimeMs };
}

function newKey({ random }: DevelopmentTlsParts): {
  readonly serial: Uint8Array;
  readonly pkcs8: Uint8Array;
} {
  return { serial: random(serialBytes), pkcs8: p256FromRandom(random(p256RandomBytes)) };
}

function toServerPem({ certPem, keyPem }: CertifiedKey): string {
  return `${keyPem}${certPem}`;
}

function unique({ random }: DevelopmentTlsParts): string {
  return Buffer.from(random(8)).toString('hex');
}
