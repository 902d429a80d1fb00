/** Where a person's cache and keys are, by the XDG rules. */
import { homedir } from 'node:os';
import { join } from 'node:path';
import type { Environment, GlobalOptions } from '../context.ts';

/** `--cache`, else `$VIDIMUS_CACHE`, else `$XDG_CACHE_HOME/vidimus`. */
export function cacheDirectory(options: GlobalOptions, environment: Environment): string {
  if (options.cache !== undefined) return options.cache;
  return join(environment['XDG_CACHE_HOME'] || join(home(environment), '.cache'), 'vidimus');
}

/** `$VIDIMUS_KEYS`, else `$XDG_DATA_HOME/vidimus/keys`. */
export function keysDirectory(environment: Environment): string {
  const named = environment['VIDIMUS_KEYS'];
  if (named) return named;
  return join(environment['XDG_DATA_HOME'] || join(home(environment), '.local', 'share'), 'vidimus', 'keys');
}

function home(environment: Environment): string {
  return environment['HOME'] || homedir();
}
