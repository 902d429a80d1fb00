/** The attacker of the demo: serves yesterday's metadata, byte for byte as it was signed. */
import { createServer } from 'node:http';

export interface Recording {
  /** Path below the server to the bytes it had. */
  readonly files: ReadonlyMap<string, Uint8Array>;
}

/** Everything a client would fetch of a repository now. */
export async function recordMetadata(server: string, repository: string): Promise<Recording> {
  const files = new Map<string, Uint8Array>();
  const base = `v2/${repository}/_trust/metadata/`;
  const take = async (name: string): Promise<Uint8Array> => {
    const answer = await fetch(new URL(base + name, `${server}/`));
    if (!answer.ok) throw new Error(`${name}: ${answer.status}`);
    const bytes = new Uint8Array(await answer.arrayBuffer());
    files.set(`/${base}${name}`, bytes);
    return bytes;
  };
  await take('1.root.json');
  const timestamp = versionsIn(await take('timestamp.json'));
  const snapshot = versionsIn(await take(`${timestamp['snapshot.json']}.snapshot.json`));
  for (const [file, version] of Object.entries(snapshot)) await take(`${version}.${file}`);
  return { files };
}

/** `meta` of a timestamp or snapshot: file name to version. */
function versionsIn(bytes: Uint8Array): Record<string, number> {
  const document: { signed: { meta: Record<string, { version: number }> } } = JSON.parse(
    new TextDecoder().decode(bytes),
  );
  return Object.fromEntries(
    Object.entries(document.signed.meta).map(([file, { version }]) => [file, version]),
  );
}

/** Serves a recording on a free loopback port. */
export async function startReplay(
  recording: Recording,
): Promise<{ readonly url: string; close(): Promise<void> }> {
  const server = createServer((request, response) => {
    const bytes = recording.files.get(request.url ?? '');
    response.writeHead(bytes === undefined ? 404 : 200, { 'content-type': 'application/json' });
    response.end(bytes);
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const address = server.address();
  const port = typeof address === 'object' && address !== null ? address.port : 0;
  return {
    url: `http://127.0.0.1:${port}`,
    close: () =>
      new Promise((resolve) => {
        server.closeAllConnections();
        server.close(() => resolve());
      }),
  };
}
