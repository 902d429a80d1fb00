/** The commands and their options. Nothing heavy is imported here: each command loads itself when it runs. */
import { Command, InvalidArgumentError, Option } from 'commander';
import type { World } from './context.ts';
import { defineAnchor } from './program/anchor.ts';
import { defineAudit } from './program/audit.ts';
import { defineChange } from './program/change.ts';
import { client, positiveInteger, type Runner } from './program/client-command.ts';
import { defineDelegation } from './program/delegation.ts';
import { defineKey } from './program/key.ts';
import { defineSigner } from './program/signer.ts';
import { defineToken } from './program/token.ts';
import { programVersion } from './version.ts';

/** Builds the command line; `runner` gives the chosen command its context. */
export function createProgram(world: World, runner: Runner): Command {
  const program = new Command('vidimus')
    .description('Which digest should this tag be today, who says so, and may I pull it?')
    .addHelpText('after', '\nEvery option has a variable: --token-file is VIDIMUS_TOKEN_FILE.')
    .version(`vidimus ${programVersion}`, '-V, --version', 'the version of this program')
    .exitOverride()
    .configureOutput({
      writeOut: (text) => world.stdout.write(text),
      writeErr: () => undefined,
      outputError: () => undefined,
    })
    .helpCommand('help [command]', 'the same as --help')
    .showSuggestionAfterError()
    .hook('preAction', (_, command) => readEnvironment(command, world));

  defineServe(program, runner);
  defineSigner(program, runner);
  definePublishing(program, runner);
  defineChange(program, runner);
  defineKey(program, runner);
  defineDelegation(program, runner);
  definePulling(program, runner);
  defineAudit(program, runner);
  defineAnchor(program, runner);
  definePolicy(program, runner);
  defineToken(program, runner);
  defineMigration(program, runner);
  defineMachine(program, runner);
  return program;
}

function defineServe(program: Command, runner: Runner): void {
  program
    .command('serve')
    .description('run the trust service')
    .option('--data <dir>', 'data directory')
    .option('--listen <host:port>', 'address to listen on; port 0 is any free one')
    .option('--tls-cert <file>', 'certificate chain (PEM)')
    .option('--tls-key <file>', 'private key (PEM)')
    .option('--tls-dev', 'a certificate of its own making, for evaluation')
    .option('--insecure-http', 'plain HTTP beyond loopback')
    .option('--public-url <url>', 'how clients reach the service')
    .option('--only <services>', 'comma-separated services to run')
    .option('--config <file>', 'configuration file')
    .option('--json', 'machine-readable output')
    .action((options) => runner(options, async (c) => (await import('./serve/serve.ts')).serve(c, options)));
}

function definePublishing(program: Command, runner: Runner): void {
  client(program, 'init <repository>', 'put a repository under trust, and pin its root here')
    .option('--managed-root', 'let the service hold the root key too (evaluation only)')
    .option('--root-key <file...>', 'public root keys or certificates of others, or pkcs11: URIs of your own')
    .option('--threshold <n>', 'root signatures needed', positiveInteger)
    .option('--dialect <names>', 'metadata formats: tuf (default), or tuf,notary for old Docker clients, too')
    .option('--trust-dir <dir>', 'where Docker or notary keep the root key of what they made')
    .action((repository, options) =>
      runner(options, async (c) => (await import('./commands/init.ts')).init(c, repository, options)),
    );
  client(program, 'sign <image>', 'vouch for a digest under a tag')
    .option('--digest-file <file>', 'file that holds the digest')
    .option('--metadata-file <file>', 'metadata file written by docker buildx')
    .option('--size <bytes>', 'size of the manifest, so that the registry need not be asked', positiveInteger)
    .option('--resolve', 'take the digest from the registry without asking')
    .option('--as <delegation>', 'sign in this delegated role')
    .option('--key <key...>', 'keys to sign with: id, private key file, or pkcs11: URI (default: all here)')
    .option('--wait <time>', 'how long to wait for the signatures of others, like 10m')
    .action((image, options) =>
      runner(options, async (c) => (await import('./commands/sign.ts')).sign(c, image, options)),
    );
  client(program, 'revoke <image>', 'take back a tag, or a digest everywhere in its repository')
    .option('--reason <text>', 'why (needed for a digest)')
    .option('--link <url>', 'where to read more')
    .option('--undo', 'lift the revocation of a digest')
    .option('--as <delegation>', 'take the tag out of this delegated role')
    .option('--key <key...>', 'keys to sign with: id, private key file, or pkcs11: URI (default: all here)')
    .option('--wait <time>', 'how long to wait for the signatures of others, like 10m')
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

function definePolicy(program: Command, runner: Runner): void {
  const policy = program.command('policy').description('work on policies');
  client(policy, 'test [path]', 'run the cases of a policy directory').action((path, options) =>
    runner(options, async (c) => (await import('./commands/policy.ts')).test(c, path ?? 'policies')),
  );
  client(policy, 'lint [path]', 'check policy files').action((path, options) =>
    runner(options, async (c) => (await import('./commands/policy.ts')).lint(c, path ?? 'policies')),
  );
}

function defineMigration(program: Command, runner: Runner): void {
  const migrate = program.command('migrate').description('bring trust data over from elsewhere');
  client(migrate, 'dct', "take Docker Content Trust data away from somebody else's Notary server")
    .option('--from <url|dir>', 'the Notary server, or what --save wrote')
    .option('--from-ca <file>', "certificates to trust beside the usual ones, for the server's own")
    .option(
      '--repositories <file>',
      'file that names one repository a line (default: what trust directories know)',
    )
    .option(
      '--trust-dir <dir>',
      'keys of the Docker or notary client (default: ~/.docker/trust and ~/.notary)',
    )
    .option('--save <dir>', 'keep every document that verifies, byte for byte')
    .option('--to <url>', 'trust server to publish on')
    .action((options) =>
      runner(options, async (c) => (await import('./commands/migrate-dct.ts')).migrateDct(c, options)),
    );
  migrate
    .command('notary')
    .description("bring a Notary server's repositories over from its databases, beside the service")
    .option('--server-db <url>', 'database of notary-server (postgres://, mysql://, or its db_url)')
    .option('--signer-db <url>', 'database of notary-signer; passphrases as NOTARY_SIGNER_<ALIAS>')
    .option('--final', 'the other server has stopped: sign here from now on, and take uploads')
    .option('--data <dir>', 'data directory of the service')
    .option('--config <file>', 'configuration file of the service')
    .option('--json', 'one JSON object on stdout')
    .option('-q, --quiet', 'no notes, no progress')
    .action((options) =>
      runner(options, async (c) => (await import('./commands/migrate-notary.ts')).migrateNotary(c, options)),
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

function judging(command: Command): Command {
  return command
    .option('--policy <path>', 'policy file or directory')
    .option('--platform <os/arch>', 'judge this platform of an index')
    .option('--online', 'refuse to judge from the cache alone')
    .option('--strict', "refuse when the registry's tag points elsewhere");
}

/**
 * Every flag has its variable: `--token-file` is `VIDIMUS_TOKEN_FILE`. The command line wins; an empty variable is
 * none. Read from the world's environment, not from the process's.
 */
function readEnvironment(command: Command, { environment }: World): void {
  for (const option of command.options) {
    const variable = `VIDIMUS_${option.name().replaceAll('-', '_').toUpperCase()}`;
    const text = environment[variable];
    const name = option.attributeName();
    const source = command.getOptionValueSource(name);
    if (!text || (source !== undefined && source !== 'default')) continue;
    command.setOptionValueWithSource(name, readVariable(command, option, variable, text), 'env');
  }
}

function readVariable(command: Command, option: Option, variable: string, text: string): unknown {
  if (!option.required && !option.optional) return !['0', 'false', 'no'].includes(text);
  const values = option.variadic ? text.split(',') : [text];
  try {
    const parsed = values.map((value): unknown => option.parseArg?.(value, undefined) ?? value);
    return option.variadic ? parsed : parsed[0];
  } catch (error) {
    if (!(error instanceof InvalidArgumentError)) throw error;
    return command.error(`error: ${variable}: ${error.message}`);
  }
}
