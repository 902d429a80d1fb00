/** What a command costs before it does anything: the bundled program against Node itself. */
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { interleaved, millisecondsOf } from './measure.ts';
import type { Section } from './section.ts';

const runs = 25;
const reach = 1.6;

export const cliSection: Section = {
  name: 'cli',
  title: 'cold start of the bundled command line',
  async *run({ program }) {
    const help = () => millisecondsOf(() => runNode([program, 'verify', '--help']));
    const nothing = () => millisecondsOf(() => runNode(['-e', '0']));
    await help();
    await nothing();
    const { ours, peers, ratio } = await interleaved(runs, help, nothing);
    yield {
      what: '`verify --help` against `node -e 0`',
      value: `${ratio.toFixed(2)} (${ours.toFixed(0)} of ${peers.toFixed(0)} ms)`,
      reach: `<= ${reach}`,
      met: ratio <= reach,
    };
  },
};

async function runNode(args: readonly string[]): Promise<void> {
  const child = spawn(process.execPath, args, { stdio: 'ignore' });
  const [code] = await once(child, 'exit');
  if (code !== 0) throw new Error(`node ${args.join(' ')} ended with ${code}`);
}
