/** A simulated repository over HTTP, where the trust server has it, and in the layout of the conformance suite. */
import { type Handler, type RunningServer, startHttpServer } from './hostile-trust-server.ts';

/** What of a simulated repository, of either dialect, is served. */
export interface Simulated {
  readonly repository: string;
  readonly files: ReadonlyMap<string, Uint8Array>;
}

export interface SimulatorServer extends RunningServer {
  /** Metadata requests since the last look, as file names; looking empties the list. */
  seen(): string[];
  /** While set, answers in place of the repository. */
  answer: Handler | undefined;
}

/** Serves `/v2/<repository>/_trust/metadata/<file>`, the files as they are at the moment of the request. */
export async function serveSimulator(simulator: Simulated): Promise<SimulatorServer> {
  return await serve(simulator, `/v2/${simulator.repository}/_trust/metadata/`);
}

/** Serves `/v2/<repository>/_trust/tuf/<file>`, as a Notary server does: by version, by hash, and the timestamp. */
export async function serveNotary(simulator: Simulated): Promise<SimulatorServer> {
  return await serve(simulator, `/v2/${simulator.repository}/_trust/tuf/`);
}

/** Serves `/metadata/<file>`, and `/targets/<path>` from `artifacts`. */
export async function serveConformance(
  simulator: Simulated,
  artifacts: ReadonlyMap<string, Uint8Array> = new Map(),
): Promise<SimulatorServer> {
  return await serve(simulator, '/metadata/', artifacts);
}

async function serve(
  simulator: Simulated,
  prefix: string,
  artifacts: ReadonlyMap<string, Uint8Array> = new Map(),
): Promise<SimulatorServer> {
  let seen: string[] = [];
  const state: { answer: Handler | undefined } = { answer: undefined };
  const server = await startHttpServer((request, response) => {
    const path = request.url ?? '';
    const name = path.startsWith(prefix) ? decodeURIComponent(path.slice(prefix.length)) : undefined;
    seen.push(name ?? path);
    if (state.answer !== undefined) {
      state.answer(request, response);
      return;
    }
    const bytes =
      name === undefined
        ? artifacts.get(decodeURIComponent(path))
        : simulator.files.get(name.replace(/^targets\//, ''));
    response.statusCode = bytes === undefined ? 404 : 200;
    response.end(bytes);
  });
  return {
    ...server,
    seen() {
      const names = seen;
      seen = [];
      return names;
    },
    get answer() {
      return state.answer;
    },
    set answer(handler) {
      state.answer = handler;
    },
  };
}
