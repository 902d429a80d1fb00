/** `vidimus token`: who may do what on a trust server. */
import { type Command, Option } from 'commander';
import { client, type Runner } from './client-command.ts';

const roles = ['reader', 'signer', 'revoker', 'approver', 'auditor', 'policy', 'admin'];

export function defineToken(program: Command, runner: Runner): void {
  const token = program.command('token').description('who may do what on the trust server');
  client(token, 'create <name>', 'a token that can do no more than the one it is made with; shown once')
    .addOption(new Option('--role <role>', 'what it may do').choices(roles).makeOptionMandatory())
    .option('--repository <glob...>', 'where it may do that (default for admin and auditor: everywhere)')
    .option('--expires-after <time>', 'when it ends, like 30d (default: 90d)')
    .option('--out <file>', 'write it to a new file that only you can read, and not to stdout')
    .action((name, options) =>
      runner(options, async (c) => (await import('../commands/token.ts')).create(c, name, options)),
    );
  client(token, 'list', 'tokens that you may end: never the secrets')
    .option('--all', 'those that have ended, too')
    .action((options) =>
      runner(options, async (c) => (await import('../commands/token.ts')).list(c, options)),
    );
  client(token, 'revoke <id>', 'end a token, at once and everywhere; your own, too').action((id, options) =>
    runner(options, async (c) => (await import('../commands/token.ts')).revoke(c, id)),
  );
}
