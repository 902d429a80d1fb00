/** A publisher of the Notary wire, as spare as can be: uploads are signed beforehand, and what is timed is the server. */
import { createHash } from 'node:crypto';
import { Agent as HttpAgent, request as httpRequest, type IncomingMessage } from 'node:http';
import { Agent as HttpsAgent, request as httpsRequest } from 'node:https';
import { encodeCanonical, type JsonObject, type JsonValue } from '@vidimus/canonical-json';
import { keyIdOf, notaryDialect } from '@vidimus/notary';
import { certificateKey, ecdsaNotaryKey, type NotaryKey } from '../support/notary-keys.ts';

const DAY_MS = 86_400_000;
const boundary = 'bench-boundary';
/** As the measurements of the peer's own speed have it. */
const targetsPerRepository = 20;

/** A server of the wire. */
export interface WireTarget {
  readonly url: string;
  /** PEM, where it speaks TLS. */
  readonly ca?: string;
  /** Of our own tokens; the peer of the benchmark asks for none. */
  readonly token?: string;
}

interface Answer {
  readonly status: number;
  readonly body: string;
}

/** Keep-alive connections to one server. */
export class WireWriter {
  readonly #target: WireTarget;
  readonly #agent: HttpAgent | HttpsAgent;

  constructor(target: WireTarget, connections: number) {
    this.#target = target;
    const options = { keepAlive: true, maxSockets: connections };
    this.#agent =
      target.ca === undefined ? new HttpAgent(options) : new HttpsAgent({ ...options, ca: target.ca });
  }

  close(): void {
    this.#agent.destroy();
  }

  async get(path: string): Promise<string> {
    const { status, body } = await this.#call('GET', path);
    if (status !== 200) throw new Error(`GET ${path} at ${this.#target.url}: ${status} ${body}`);
    return body;
  }

  /** One upload; only 2xx counts. */
  async upload(repository: string, body: Buffer): Promise<void> {
    const { status, body: said } = await this.#call('POST', pathOf(repository, ''), body);
    if (status !== 200) throw new Error(`upload to ${repository} at ${this.#target.url}: ${status} ${said}`);
  }

  async #call(method: string, path: string, body?: Buffer): Promise<Answer> {
    const { url, token } = this.#target;
    const call = url.startsWith('https:') ? httpsRequest : httpRequest;
    const outgoing = call(new URL(path, url), {
      method,
      agent: this.#agent,
      headers: {
        ...(token === undefined ? {} : { Authorization: `Bearer ${token}` }),
        ...(body === undefined
          ? {}
          : {
              'Content-Type': `multipart/form-data; boundary=${boundary}`,
              'Content-Length': String(body.length),
            }),
      },
    });
    outgoing.end(body);
    const response = await new Promise<IncomingMessage>((resolve, reject) => {
      outgoing.once('response', resolve).once('error', reject);
    });
    const chunks: Buffer[] = [];
    for await (const chunk of response) chunks.push(chunk);
    return { status: response.statusCode ?? 0, body: Buffer.concat(chunks).toString('utf8') };
  }
}

export function pathOf(repository: string, file: string): string {
  return `/v2/${repository}/_trust/tuf/${file}`;
}

/** A repository whose timestamp and snapshot keys the server holds; its uploads are made one version after the other. */
export class BenchRepository {
  readonly name: string;
  readonly #targetsKey: NotaryKey;
  readonly #targets: JsonObject;
  #version = 1;

  constructor(name: string, targets = targetsPerRepository) {
    this.name = name;
    this.#targetsKey = ecdsaNotaryKey(`targets of ${name}`);
    this.#targets = Object.fromEntries(
      Array.from({ length: targets }, (_, index) => [`v${index}`, targetOf(index)]),
    );
  }

  /** Creates it on a server. */
  async create(writer: WireWriter): Promise<void> {
    const keys = await Promise.all(
      ['timestamp', 'snapshot'].map(async (role): Promise<[string, JsonObject]> => {
        return [role, JSON.parse(await writer.get(pathOf(this.name, `${role}.key`)))];
      }),
    );
    const [, timestamp] = keys[0] ?? ['', {}];
    const [, snapshot] = keys[1] ?? ['', {}];
    const root = certificateKey({ key: `root of ${this.name}`, commonName: this.name, ...validity() });
    const listed: [string, JsonObject][] = [
      [root.keyId, root.declared],
      [this.#targetsKey.keyId, this.#targetsKey.declared],
      [keyIdOf(timestamp), plain(timestamp)],
      [keyIdOf(snapshot), plain(snapshot)],
    ];
    const role = (keyId: string): JsonObject => ({ keyids: [keyId], threshold: 1 });
    const document = {
      _type: 'Root',
      consistent_snapshot: false,
      expires: expiry(),
      keys: Object.fromEntries(listed),
      roles: {
        root: role(root.keyId),
        targets: role(this.#targetsKey.keyId),
        timestamp: role(keyIdOf(timestamp)),
        snapshot: role(keyIdOf(snapshot)),
      },
      version: 1,
    };
    await writer.upload(this.name, toForm([['root', seal(document, root)], this.#nextTargets()]));
  }

  /** The next upload of targets. */
  nextUpload(): Buffer {
    return toForm([this.#nextTargets()]);
  }

  /** The last uploads were never sent: their versions are free again. */
  forget(count: number): void {
    this.#version -= count;
  }

  #nextTargets(): [string, Uint8Array] {
    const version = this.#version;
    this.#version += 1;
    const document = {
      _type: 'Targets',
      delegations: { keys: {}, roles: [] },
      expires: expiry(),
      targets: this.#targets,
      version,
    };
    return ['targets', seal(document, this.#targetsKey)];
  }
}

function seal(document: JsonObject, key: NotaryKey): Uint8Array {
  const message = encodeCanonical(document);
  return notaryDialect.seal(message, [{ keyId: key.keyId, method: key.method, value: key.sign(message) }]);
}

function toForm(parts: readonly (readonly [string, Uint8Array])[]): Buffer {
  const pieces = parts.flatMap(([role, bytes]) => [
    Buffer.from(
      `--${boundary}\r\nContent-Disposition: form-data; name="files"; filename="${role}"\r\n` +
        'Content-Type: application/octet-stream\r\n\r\n',
    ),
    bytes,
    Buffer.from('\r\n'),
  ]);
  return Buffer.concat([...pieces, Buffer.from(`--${boundary}--\r\n`)]);
}

function targetOf(number: number): JsonObject {
  const hash = (algorithm: string): JsonValue =>
    createHash(algorithm).update(`content ${number}`).digest('base64');
  return { hashes: { sha256: hash('sha256'), sha512: hash('sha512') }, length: 5_000 + number };
}

/** A key answer as metadata lists it. */
function plain(key: JsonObject): JsonObject {
  return { keytype: key['keytype'] ?? '', keyval: key['keyval'] ?? {} };
}

/** Without a fraction: the peer lists hashes of its own spelling, which has no zeros at the end of one. */
function expiry(): string {
  return new Date(Date.now() + 365 * DAY_MS).toISOString().replace(/\.\d+Z$/, 'Z');
}

function validity(): { readonly notBefore: number; readonly notAfter: number } {
  return { notBefore: Date.now() - DAY_MS, notAfter: Date.now() + 3_650 * DAY_MS };
}
