/** `vidimus anchor …`: how this machine trusts the first root of a repository, or of the organisation's directory. */
import { type Command, Option } from 'commander';
import { client, positiveInteger, type Runner } from './client-command.ts';

export function defineAnchor(program: Command, runner: Runner): void {
  const anchor = program
    .command('anchor')
    .description('how this machine trusts the first root of a repository');
  client(
    anchor,
    'pin <repository|file>',
    'trust this root for a repository, or this anchor file, from now on',
  )
    .option('--root <file>', 'a root file, or what anchor export wrote')
    .option('--key-id <id...>', 'root key ids')
    .option('--threshold <n>', 'how many of the pinned keys must have signed', positiveInteger)
    .option('--cert-id <id...>', 'ids of root certificates (dialect notary)')
    .option('--ca <file>', 'authority that issues the root certificates (dialect notary)')
    .addOption(new Option('--dialect <name>', 'metadata format of the anchor').choices(['tuf', 'notary']))
    .action((what, options) =>
      runner(options, async (c) => (await import('../commands/anchor.ts')).pin(c, what, options)),
    );
  client(anchor, 'list', 'what is pinned here').action((options) =>
    runner(options, async (c) => (await import('../commands/anchor.ts')).list(c)),
  );
  client(anchor, 'export [repository]', 'the anchor as one file, for other machines')
    .option('--directory', "the organisation's directory: all that a fleet needs")
    .option('--name <name>', 'what the organisation is called')
    .option('--recovery-key <file...>', 'public keys whose hand-over replaces a lost root')
    .option('--recovery-threshold <n>', 'how many of them must sign (default: 1)', positiveInteger)
    .option('--handover <file...>', 'hand-overs that machines with this file accept without asking')
    .action((repository, options) =>
      runner(options, async (c) =>
        (await import('../commands/anchor.ts')).exportAnchor(c, repository, options),
      ),
    );
  defineHandover(anchor, runner);
}

function defineHandover(anchor: Command, runner: Runner): void {
  const handover = anchor.command('handover').description('replace a lost root by the word of recovery keys');
  client(handover, 'make [repository]', 'say which root follows; or sign what somebody else made')
    .option('--from <file>', 'the root that is lost')
    .option('--to <file>', 'the root that takes its place')
    .option('--reason <text>', 'why')
    .option('--valid <time>', 'until when it may be accepted, at most 90d (default: 7d)')
    .option('--add <file>', 'a hand-over that lacks signatures')
    .requiredOption('--key <id...>', 'recovery keys of this machine that sign')
    .action((repository, options) =>
      runner(options, async (c) => (await import('../commands/handover.ts')).make(c, repository, options)),
    );
  client(handover, 'accept <file>', 'look at a hand-over, and go on with the root it leads to')
    .option('--yes', 'it was read before: ask nothing')
    .action((file, options) =>
      runner(options, async (c) => (await import('../commands/handover.ts')).accept(c, file, options)),
    );
}
