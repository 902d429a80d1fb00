/** `key backup`, `key restore`, `key resume`. */
import type { Command } from 'commander';
import { client, type Runner } from './client-command.ts';

/** Adds them to the command `key`. */
export function defineBackup(key: Command, runner: Runner): void {
  beside(key, 'backup', 'everything the service knows, keys included, in one encrypted file')
    .option('--out <file>', 'file to write')
    .option('--recipient <key...>', 'age public keys that can open it (default: a passphrase)')
    .action((options) =>
      runner(options, async (c) => (await import('../commands/backup.ts')).backup(c, options)),
    );
  beside(key, 'restore <file>', 'put a backup back into an empty database or directory')
    .option('--identity <file>', 'age secret key that opens it (default: a passphrase)')
    .option('--keys-to <dir>', 'where master keys go that the environment does not have (PostgreSQL)')
    .option('--drill', 'restore it into a directory that is thrown away, and check all that is in it')
    .action((file, options) =>
      runner(options, async (c) => (await import('../commands/backup.ts')).restore(c, file, options)),
    );
  client(key, 'resume <repository>', 'say how far a restored repository had come: it publishes again')
    .option('--reason <text>', 'why it was restored')
    .option(
      '--newest-root <version:sha256>',
      'the newest root anybody has seen (default: what is cached here)',
    )
    .option('--yes', 'it was read before: ask nothing')
    .action((repository, options) =>
      runner(options, async (c) => (await import('../commands/resume.ts')).resume(c, repository, options)),
    );
}

/** A command that runs where the service runs, with its settings. */
function beside(key: Command, usage: string, description: string): Command {
  return key
    .command(usage)
    .description(description)
    .option('--data <dir>', 'data directory of the service')
    .option('--config <file>', 'configuration file of the service')
    .option('--json', 'one JSON object on stdout')
    .option('-q, --quiet', 'no notes, no progress');
}
