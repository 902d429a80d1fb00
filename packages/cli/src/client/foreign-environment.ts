/** What programs of others see of our environment. */
import type { Environment } from '../context.ts';

/** Without tokens, passphrases and settings of ours: those are nobody else's business. */
export function foreignEnvironment(environment: Environment): Record<string, string | undefined> {
  return Object.fromEntries(Object.entries(environment).filter(([name]) => !name.startsWith('VIDIMUS_')));
}
