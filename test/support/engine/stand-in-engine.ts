/**
 * What the Docker command line needs of an engine to push, pull and sign, on a Unix socket: a real engine wants a
 * kernel of its own. Images go to a real registry and come from it; what was pulled, and how it was named, is kept.
 */
import { once } from 'node:events';
import { mkdtempSync, rmSync } from 'node:fs';
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createImageStore, type EngineImage, type ImageStore, nameOf } from './image-store.ts';

/** Something the client told the engine to move. */
export interface Moved {
  readonly repository: string;
  /** A tag, or `sha256:<hex>`. */
  readonly reference: string;
}

export interface StandInEngine {
  readonly socket: string;
  readonly images: ImageStore;
  /** Every pull the client asked for, as it named it. */
  readonly pulled: readonly Moved[];
  readonly pushed: readonly Moved[];
  /** Names the client gave: `[what had it, new name]`. */
  readonly tagged: readonly (readonly [string, string])[];
  close(): Promise<void>;
}

const apiVersion = '1.41';

/** @param registryOrigin - `http://127.0.0.1:<port>` of the registry behind every repository name */
export async function startStandInEngine(registryOrigin: string): Promise<StandInEngine> {
  const directory = mkdtempSync(join(tmpdir(), 'vdm-engine-'));
  const socket = join(directory, 'docker.sock');
  const images = createImageStore(registryOrigin);
  const [pulled, pushed]: [Moved[], Moved[]] = [[], []];
  const tagged: (readonly [string, string])[] = [];

  const pull = async (query: URLSearchParams): Promise<object[]> => {
    const repository = query.get('fromImage') ?? '';
    const reference = query.get('tag') ?? '';
    pulled.push({ repository, reference });
    const { digest } = await images.pull(repository, reference);
    return [
      { status: `Pulling from ${repository}`, id: reference },
      { status: `Digest: ${digest}` },
      { status: `Status: Downloaded newer image for ${nameOf(repository, reference)}` },
    ];
  };
  const push = async (repository: string, tag: string): Promise<object[]> => {
    pushed.push({ repository, reference: tag });
    const { digest, size } = await images.push(repository, tag);
    return [
      { status: `The push refers to repository [${repository}]` },
      { status: `${tag}: digest: ${digest} size: ${size}` },
      { progressDetail: {}, aux: { Tag: tag, Digest: digest, Size: size } },
    ];
  };
  const answer = async (request: IncomingMessage, response: ServerResponse): Promise<void> => {
    request.resume();
    const { pathname, searchParams } = new URL(request.url ?? '/', 'http://engine');
    const path = decodeURIComponent(pathname).replace(/^\/v\d+\.\d+/, '');
    const route = `${request.method} ${path}`;
    const image = (pattern: RegExp) => pattern.exec(route)?.[1];
    if (path === '/_ping') return ping(response);
    if (route === 'GET /version') return json(response, 200, { ApiVersion: apiVersion, Version: '20.10.24' });
    if (route === 'GET /info') return json(response, 200, info);
    if (route === 'POST /images/create') return await progress(response, pull(searchParams));
    const toPush = image(/^POST \/images\/(.+)\/push$/);
    if (toPush !== undefined) return await progress(response, push(toPush, searchParams.get('tag') ?? ''));
    const toTag = image(/^POST \/images\/(.+)\/tag$/);
    if (toTag !== undefined) {
      const name = `${searchParams.get('repo')}:${searchParams.get('tag')}`;
      tagged.push([toTag, name]);
      if (!images.tag(toTag, name)) return missing(response, toTag);
      response.writeHead(201).end();
      return;
    }
    const shown = image(/^GET \/images\/(.+)\/json$/);
    const found = shown === undefined ? undefined : images.find(shown);
    if (shown !== undefined && found !== undefined) return json(response, 200, inspect(shown, found));
    missing(response, path);
  };
  const server = createServer((request, response) => {
    answer(request, response).catch((cause: unknown) => json(response, 500, { message: String(cause) }));
  });
  server.listen(socket);
  await once(server, 'listening');
  return {
    socket,
    images,
    pulled,
    pushed,
    tagged,
    close: async () => {
      server.closeAllConnections();
      await new Promise((resolve) => server.close(resolve));
      rmSync(directory, { recursive: true, force: true });
    },
  };
}

const info = {
  ID: 'stand-in',
  OSType: 'linux',
  Architecture: 'x86_64',
  IndexServerAddress: 'https://index.docker.io/v1/',
  RegistryConfig: { IndexConfigs: {}, InsecureRegistryCIDRs: ['127.0.0.0/8'] },
};

function inspect(name: string, image: EngineImage): object {
  return { Id: image.digest, RepoTags: [name], Os: 'linux', Architecture: 'amd64', Size: image.size };
}

function ping(response: ServerResponse): void {
  response.writeHead(200, { 'api-version': apiVersion, ostype: 'linux', 'docker-experimental': 'false' });
  response.end('OK');
}

/** A stream of JSON messages; a failure is the last of them, as the real engine has it. */
async function progress(response: ServerResponse, work: Promise<readonly object[]>): Promise<void> {
  const messages = await work.catch((cause: unknown) => {
    const message = cause instanceof Error ? cause.message : String(cause);
    return [{ errorDetail: { message }, error: message }];
  });
  response.writeHead(200, { 'content-type': 'application/json' });
  response.end(messages.map((message) => `${JSON.stringify(message)}\r\n`).join(''));
}

function missing(response: ServerResponse, name: string): void {
  json(response, 404, { message: `No such image: ${name}` });
}

function json(response: ServerResponse, status: number, body: object): void {
  response.writeHead(status, { 'content-type': 'application/json' });
  response.end(JSON.stringify(body));
}
