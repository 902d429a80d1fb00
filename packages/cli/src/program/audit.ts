/** `vidimus audit`: the story of a tag or a repository, and how to check it elsewhere. */
import type { Command } from 'commander';
import { client, type Runner } from './client-command.ts';

export function defineAudit(program: Command, runner: Runner): void {
  client(program, 'audit [image]', 'who vouched for what, when, through which change: checked, not believed')
    .option('--export <file>', 'write everything it takes to check it anywhere')
    .option('--verify <file>', 'check what --export wrote: no network, no server trusted')
    .option('--kept <file>', 'an older timestamp.json or export: the log must have grown from it')
    .action((image, options) =>
      runner(options, async (c) => (await import('../commands/audit.ts')).audit(c, image, options)),
    );
}
