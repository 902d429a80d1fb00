/** The trust servers that this machine deals with: the one that is named, and those of the repositories pinned here. */
import { repositorySettings } from '../client/repository-settings.ts';
import { type ServerSettings, serverSettings } from '../client/server-settings.ts';
import type { Context } from '../context.ts';
import { toCliError } from '../failures.ts';
import { pinnedHere } from './find-change.ts';

export interface ServerInUse {
  readonly settings: ServerSettings;
  /** Repositories that are pinned here and served there. */
  readonly pinned: readonly string[];
}

/** One for each token, where a server has several. */
export async function serversInUse(context: Context): Promise<readonly ServerInUse[]> {
  const servers = new Map<string, ServerInUse>();
  const add = ({ server, token, ca }: ServerSettings, pinned: readonly string[]): void => {
    const name = `${new URL(server).origin} ${token ?? ''}`;
    const settings = {
      server,
      ...(token === undefined ? {} : { token }),
      ...(ca === undefined ? {} : { ca }),
    };
    servers.set(name, { settings, pinned: [...(servers.get(name)?.pinned ?? []), ...pinned] });
  };
  const usual = usualServer(context);
  if (usual !== undefined) add(usual, []);
  for (const name of await pinnedHere(context)) add(repositorySettings(context, name), [name]);
  return [...servers.values()];
}

function usualServer(context: Context): ServerSettings | undefined {
  try {
    return serverSettings(context);
  } catch (error) {
    // None is named, or several are: those of the pinned repositories are asked.
    if (toCliError(error).code === 'USAGE') return undefined;
    throw error;
  }
}
