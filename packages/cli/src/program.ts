/** The commands and their options. Nothing heavy is imported here: each command loads itself when it runs. */
import { Command, InvalidArgumentError, Option } from 'commander';
import type { Context, GlobalOptions, World } from './context.ts';
import type { ExitCode } from './exit-codes.ts';

type Action = (context: Context) => Promise<ExitCode>;
type Runner = (options: GlobalOptions, action: Action) => Promise<void>;

/** Builds the command line; `runner` gives the chosen command its context. */
export function createProgram(world: World, runner: Runner): Command {
  const program = new Command('vidimus')
    .description('Which digest should this tag be today, who says so, and may I pull it?')
    .exitOverride()
    .configureOutput({
      writeOut: (text) => world.stdout.write(text),
      writeErr: () => undefined,
      outputError: () => undefined,
    })
    .helpCommand(false)
    .showSuggestionAfterError()
    .hook('preAction', (_, command) => readEnvironment(command, world));

  defineServe(program, runner);
  definePublishing(program, runner);
  definePulling(program, runner);
  defineAnchor(program, runner);
  definePolicy(program, runner);
  defineMachine(program, runner);
  return program;
}

function defineServe(program: Command, runner: Runner): void {
  program
    .command('serve')
    .description('run the trust service')
    .addOption(flag('--data <dir>', 'data directory', 'VIDIMUS_DATA'))
    .addOption(flag('--listen <host:port>', 'address to listen on; port 0 is any free one', 'VIDIMUS_LISTEN'))
    .addOption(flag('--tls-cert <file>', 'certificate chain (PEM)', 'VIDIMUS_TLS_CERT'))
    .addOption(flag('--tls-key <file>', 'private key (PEM)', 'VIDIMUS_TLS_KEY'))
    .addOption(flag('--insecure-http', 'plain HTTP beyond loopback', 'VIDIMUS_INSECURE_HTTP'))
    .addOption(flag('--public-url <url>', 'how clients reach the service', 'VIDIMUS_PUBLIC_URL'))
    .addOption(flag('--only <services>', 'comma-separated services to run', 'VIDIMUS_ONLY'))
    .addOption(flag('--config <file>', 'configuration file', 'VIDIMUS_CONFIG'))
    .addOption(new Option('--json', 'machine-readable output'))
    .action((options) => runner(options, async (c) => (await import('./serve/serve.ts')).serve(c, options)));
}

function definePublishing(program: Command, runner: Runner): void {
  client(program, 'init <repository>', 'put a repository under trust, and pin its root here')
    .option('--managed-root', 'let the service hold the root key too (evaluation only)')
    .option('--root-key <file...>', 'public root keys of others (PEM or hex), beside one on this machine')
    .option('--threshold <n>', 'root signatures needed', positiveInteger)
    .addOption(new Option('--dialect <names>', 'metadata formats').default('tuf'))
    .action((repository, options) =>
      runner(options, async (c) => (await import('./commands/init.ts')).init(c, repository, options)),
    );
  client(program, 'sign <image>', 'vouch for a digest under a tag')
    .option('--digest-file <file>', 'file that holds the digest')
    .option('--metadata-file <file>', 'metadata file written by docker buildx')
    .option('--size <bytes>', 'size of the manifest, so that the registry need not be asked', positiveInteger)
    .option('--resolve', 'take the digest from the registry without asking')
    .action((image, options) =>
      runner(options, async (c) => (await import('./commands/sign.ts')).sign(c, image, options)),
    );
  client(program, 'revoke <image>', 'take back a tag, or a digest everywhere in its repository')
    .option('--reason <text>', 'why (needed for a digest)')
    .option('--link <url>', 'where to read more')
    .option('--undo', 'lift the revocation of a digest')
    .action((image, options) =>
      runner(options, async (c) => (await import('./commands/revoke.ts')).revoke(c, image, options)),
    );
}

function definePulling(program: Command, runner: Runner): void {
  judging(
    client(program, 'verify <image>', 'judge an image: allowed and pinned, or denied with the reason'),
  ).action((image, options) =>
    runner(options, async (c) => (await import('./commands/verify.ts')).verify(c, image, options)),
  );
  judging(client(program, 'pull <image>', 'judge an image and pull exactly the digest that was judged'))
    .addOption(new Option('--with <program>', 'who pulls').choices(['docker', 'podman', 'skopeo', 'nerdctl']))
    .option('--to <oci:dir>', 'pull into an OCI layout with no other program')
    .action((image, options) =>
      runner(options, async (c) => (await import('./commands/pull.ts')).pull(c, image, options)),
    );
  client(program, 'inspect <image>', 'who vouches for what, since when, until when')
    .option('--wide', 'full digests and key ids')
    .action((image, options) =>
      runner(options, async (c) => (await import('./commands/inspect.ts')).inspect(c, image, options)),
    );
}

function defineAnchor(program: Command, runner: Runner): void {
  const anchor = program
    .command('anchor')
    .description('how this machine trusts the first root of a repository');
  client(anchor, 'pin <repository>', 'trust this root for a repository from now on')
    .option('--root <file>', 'a root file, or what anchor export wrote')
    .option('--key-id <id...>', 'root key ids')
    .option('--threshold <n>', 'how many of the pinned keys must have signed', positiveInteger)
    .action((repository, options) =>
      runner(options, async (c) => (await import('./commands/anchor.ts')).pin(c, repository, options)),
    );
  client(anchor, 'list', 'what is pinned here').action((options) =>
    runner(options, async (c) => (await import('./commands/anchor.ts')).list(c)),
  );
  client(anchor, 'export <repository>', 'the pinned root, for another machine').action(
    (repository, options) =>
      runner(options, async (c) => (await import('./commands/anchor.ts')).exportAnchor(c, repository)),
  );
}

function definePolicy(program: Command, runner: Runner): void {
  const policy = program.command('policy').description('work on policies');
  client(policy, 'test [path]', 'run the cases of a policy directory').action((path, options) =>
    runner(options, async (c) => (await import('./commands/policy.ts')).test(c, path ?? 'policies')),
  );
  client(policy, 'lint [path]', 'check policy files').action((path, options) =>
    runner(options, async (c) => (await import('./commands/policy.ts')).lint(c, path ?? 'policies')),
  );
}

function defineMachine(program: Command, runner: Runner): void {
  client(program, 'doctor [group]', 'what works on this machine, what does not, and how to mend it').action(
    (group, options) => runner(options, async (c) => (await import('./commands/doctor.ts')).doctor(c, group)),
  );
  program
    .command('version')
    .description('the version of this program')
    .option('--json', 'machine-readable output')
    .action((options) => runner(options, async (c) => (await import('./commands/version.ts')).version(c)));
}

/** A client command with the options all of them share. */
function client(parent: Command, usage: string, description: string): Command {
  return parent
    .command(usage)
    .description(description)
    .addOption(flag('--server <url>', 'trust server', 'VIDIMUS_SERVER'))
    .addOption(flag('--token-file <file>', 'file that holds the token', 'VIDIMUS_TOKEN_FILE'))
    .addOption(flag('--cache <dir>', 'cache directory', 'VIDIMUS_CACHE'))
    .addOption(flag('--config <file>', 'configuration file', 'VIDIMUS_CONFIG'))
    .addOption(flag('--json', 'one JSON object on stdout', 'VIDIMUS_JSON'))
    .addOption(flag('-q, --quiet', 'no notes, no progress', 'VIDIMUS_QUIET'));
}

function judging(command: Command): Command {
  return command
    .addOption(flag('--policy <path>', 'policy file or directory', 'VIDIMUS_POLICY'))
    .addOption(flag('--platform <os/arch>', 'judge this platform of an index', 'VIDIMUS_PLATFORM'))
    .addOption(flag('--online', 'refuse to judge from the cache alone', 'VIDIMUS_ONLINE'))
    .addOption(flag('--strict', "refuse when the registry's tag points elsewhere", 'VIDIMUS_STRICT'));
}

/** An option that a variable can set; read from the world's environment, not from the process's. */
class EnvironmentOption extends Option {
  readonly variable: string;

  constructor(flags: string, description: string, variable: string) {
    super(flags, `${description} (${variable})`);
    this.variable = variable;
  }
}

function flag(flags: string, description: string, variable: string): Option {
  return new EnvironmentOption(flags, description, variable);
}

/** The command line wins over the environment; an empty variable is none. */
function readEnvironment(command: Command, { environment }: World): void {
  for (const option of command.options) {
    if (!(option instanceof EnvironmentOption)) continue;
    const text = environment[option.variable];
    const name = option.attributeName();
    if (!text || command.getOptionValueSource(name) !== undefined) continue;
    const isSwitch = !option.required && !option.optional;
    if (!isSwitch) command.setOptionValueWithSource(name, text, 'env');
    else if (!['0', 'false', 'no'].includes(text)) command.setOptionValueWithSource(name, true, 'env');
  }
}

function positiveInteger(text: string): number {
  if (!/^[1-9]\d{0,14}$/.test(text)) throw new InvalidArgumentError('not a positive whole number');
  return Number(text);
}
