/** `change list|show|sign|approve|reject`. */
import type { Command } from 'commander';
import { client, type Runner } from './client-command.ts';

export function defineChange(program: Command, runner: Runner): void {
  const change = program.command('change').description('proposed metadata that waits for signatures');
  client(change, 'list [repository...]', 'open changes of repositories, or of all on the servers in use')
    .option('--mine', 'only those that a key here may still sign, or that wait for your approval')
    .option('--expiring <time>', 'what clients hold and that ends within this time, like 30d')
    .action((repositories, options) =>
      runner(options, async (c) =>
        (await import('../commands/change-list.ts')).list(c, repositories ?? [], options),
      ),
    );
  client(change, 'show <change> [repository]', 'what it would do, who has signed, who may').action(
    (id, repository, options) =>
      runner(options, async (c) => (await import('../commands/change.ts')).show(c, id, repository)),
  );
  client(change, 'sign <change> [repository]', 'recompute it here, show it, sign it')
    .option('--yes', 'it was read before: ask nothing')
    .option('--wait <time>', 'how long to wait for the signatures of others, like 10m')
    .option('--key <key...>', 'keys to sign with: id, private key file, or pkcs11: URI (default: all here)')
    .action((id, repository, options) =>
      runner(options, async (c) => (await import('../commands/change.ts')).sign(c, id, repository, options)),
    );
  client(change, 'approve <change> [repository]', 'agree to what somebody else asked for')
    .option('--yes', 'it was read before: ask nothing')
    .option('--key <key>', 'where a signer demands approvals: your id, private key file, or pkcs11: URI')
    .action((id, repository, options) =>
      runner(options, async (c) =>
        (await import('../commands/approve-change.ts')).approve(c, id, repository, options),
      ),
    );
  client(change, 'reject <change> [repository]', 'end it; nothing is published').action(
    (id, repository, options) =>
      runner(options, async (c) => (await import('../commands/change.ts')).reject(c, id, repository)),
  );
}
