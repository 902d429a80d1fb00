/** A simulated repository over HTTP, where the trust server has it, and in the layout of the conformance suite. */
import { type Handler, type RunningServer, startHttpServer } from './hostile-trust-server.ts';
import type { TufSimulator } from './tuf-simulator.ts';

export interface SimulatorServer extends RunningServer {
  /** Metadata requests since the last look, as file names; looking empties the list. */
  seen(): string[];
  /** While set, answers in place of the repository. */
  answer: Handler | undefined;
}

/** Serves `/v2/<repository>/_trust/metadata/<file>`, the files as they are at the moment of the request. */
export async function serveSimulator(simulator: TufSimulator): Promise<SimulatorServer> {
  return await serve(simulator, `/v2/${simulator.repository}/_trust/metadata/`);
}

/** Serves `/metadata/<file>`, and `/targets/<path>` from `artifacts`. */
export async function serveConformance(
  simulator: TufSimulator,
  artifacts: ReadonlyMap<string, Uint8Array> = new Map(),
): Promise<SimulatorServer> {
  return await serve(simulator, '/metadata/', artifacts);
}

async function serve(
  simulator: TufSimulator,
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
    const bytes = name === undefined ? artifacts.get(decodeURIComponent(path)) : simulator.files.get(name);
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
