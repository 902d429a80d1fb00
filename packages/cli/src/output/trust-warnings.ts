/** What the trust client noticed on the way, for people. OFFLINE and SERVED_STALE are told by the decision. */
import { printable } from '@vidimus/reference';
import type { TrustWarning } from '@vidimus/trust-client';
import type { Colors } from './terminal.ts';
import { verdictLine } from './verdict.ts';

const toldByDecision: ReadonlySet<string> = new Set(['OFFLINE', 'STALE']);

const sentences: Readonly<Record<string, string>> = {
  FIRST_USE: 'its first root was taken on trust; pin it: vidimus anchor pin',
  CACHED_ROOT_DISCARDED: 'a cached root does not come from the anchor and was discarded',
  HANDOVER_ACCEPTED: 'its root was handed over to another one by recovery keys, as the anchor file says',
  CLOCK_BEHIND: 'the clock of this machine is behind what was seen before; set it',
};

/** One line each, every warning once. */
export function trustWarningLines(warnings: readonly TrustWarning[], colors: Colors): readonly string[] {
  const lines = warnings
    .filter(({ code }) => !toldByDecision.has(code))
    .map(({ code, repository, detail }) => {
      const said =
        sentences[code] ??
        Object.entries(detail)
          .map(([name, value]) => `${name} ${value}`)
          .join(', ');
      return verdictLine(colors, 'WARNING', printable(`${repository}: ${said}`), code);
    });
  return [...new Set(lines)];
}
