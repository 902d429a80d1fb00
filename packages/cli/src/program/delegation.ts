/** `delegation add|remove|list`. */
import type { Command } from 'commander';
import { client, positiveInteger, type Runner } from './client-command.ts';

export function defineDelegation(program: Command, runner: Runner): void {
  const delegation = program
    .command('delegation')
    .description('signers of some of the tags, with keys and paths of their own');
  client(delegation, 'add <repository> <name>', 'delegate tags to signers, or replace what was delegated')
    .option('--signer <name=keys...>', 'a signer and its public keys or certificates: alice=a.pub,a.crt')
    .option('--threshold <n>', 'how many of them have to sign (default 1)', positiveInteger)
    .option('--path <pattern...>', 'tags that it may list, like 1.*')
    .option('--terminating', 'for these tags nobody after it is asked')
    .option('--expires-after <time>', 'how long a signature of theirs lasts, like 90d')
    .option('--key <key...>', 'keys to sign with: id, private key file, or pkcs11: URI (default: all here)')
    .action((repository, name, options) =>
      runner(options, async (c) =>
        (await import('../commands/delegation.ts')).add(c, repository, name, options),
      ),
    );
  client(delegation, 'remove <repository> <name>', 'what it lists is no longer vouched for')
    .option('--key <key...>', 'keys to sign with: id, private key file, or pkcs11: URI (default: all here)')
    .action((repository, name, options) =>
      runner(options, async (c) =>
        (await import('../commands/delegation.ts')).remove(c, repository, name, options),
      ),
    );
  client(delegation, 'list <repository>', 'who may sign what').action((repository, options) =>
    runner(options, async (c) => (await import('../commands/delegation.ts')).list(c, repository)),
  );
}
