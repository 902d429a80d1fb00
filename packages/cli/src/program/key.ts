/** `key generate|list|import|export|rotate|revoke|impact`, and what is done with all keys of the service. */
import { type Command, InvalidArgumentError, Option } from 'commander';
import { defineBackup } from './backup.ts';
import { client, positiveInteger, type Runner } from './client-command.ts';

export function defineKey(program: Command, runner: Runner): void {
  const key = program.command('key').description('keys on this machine, and keys that repositories list');
  defineOwn(key, runner);
  defineListed(key, runner);
  defineBackup(key, runner);
}

function defineOwn(key: Command, runner: Runner): void {
  client(key, 'generate', 'a new key on this machine')
    .addOption(
      new Option('--algorithm <name>', 'kind of key (default ed25519)').choices(['ed25519', 'ecdsa-p256']),
    )
    .option('--label <text>', 'what it is for, shown in lists')
    .addOption(
      new Option('--dialect <name>', 'notary: with a certificate, for old Docker clients').choices([
        'tuf',
        'notary',
      ]),
    )
    .option('--for <repository>', 'repository that the certificate is for (dialect notary)')
    .action((options) =>
      runner(options, async (c) => (await import('../commands/key.ts')).generate(c, options)),
    );
  client(key, 'list', 'keys on this machine').action((options) =>
    runner(options, async (c) => (await import('../commands/key.ts')).list(c)),
  );
  client(key, 'import <file>', 'take a private key (PEM) into the key directory')
    .option('--label <text>', 'what it is for, shown in lists')
    .option('--certificate <file>', 'its certificate: a root key for old Docker clients')
    .action((file, options) =>
      runner(options, async (c) => (await import('../commands/key.ts')).importKey(c, file, options)),
    );
  client(key, 'export <key>', 'the public half, or with --private the key itself under a passphrase')
    .option('--private', 'the private key, as encrypted PKCS#8')
    .option('--out <file>', 'file to write; it must not exist')
    .action((id, options) =>
      runner(options, async (c) => (await import('../commands/key-export.ts')).exportKey(c, id, options)),
    );
}

function defineListed(key: Command, runner: Runner): void {
  client(key, 'rotate <repository> <role>', 'give a role other keys')
    .option('--to <key...>', 'managed, public key files or certificates (default: managed)')
    .option('--threshold <n>', 'signatures needed (default: as it is)', positiveInteger)
    .option('--expires-after <time>', 'how long a signature lasts, like 90d')
    .option('--reason <text>', 'why')
    .option('--key <key...>', 'keys to sign with: id, private key file, or pkcs11: URI (default: all here)')
    .action((repository, role, options) =>
      runner(options, async (c) =>
        (await import('../commands/key-rotate.ts')).rotate(c, repository, role, options),
      ),
    );
  impactOptions(client(key, 'impact <key> [repository]', 'what would break if it were revoked')).action(
    (id, repository, options) =>
      runner(options, async (c) =>
        (await import('../commands/key-impact.ts')).impact(c, id, repository, options),
      ),
  );
  impactOptions(client(key, 'revoke <key> [repository]', 'take it out of every role, here or everywhere'))
    .option('--reason <text>', 'why')
    .option('--compromised-since <time>', 'since when somebody else may have had it')
    .option('--force', 'although something is left below its threshold')
    .option('--expect-break <n>', 'refuse if more repositories than this would break', wholeNumber)
    .option('--key <key...>', 'keys to sign with: id, private key file, or pkcs11: URI (default: all here)')
    .action((id, repository, options) =>
      runner(options, async (c) =>
        (await import('../commands/key-revoke.ts')).revoke(c, id, repository, options),
      ),
    );
}

function impactOptions(command: Command): Command {
  return command
    .option('--replace-with <key>', 'managed, or the public key or certificate that takes its place')
    .option('--threshold <n>', 'threshold of the roles that list it (default: as it is)', positiveInteger);
}

function wholeNumber(text: string): number {
  if (!/^\d{1,9}$/.test(text)) throw new InvalidArgumentError('not a whole number');
  return Number(text);
}
