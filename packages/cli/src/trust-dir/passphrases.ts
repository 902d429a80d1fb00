/** Passphrases of keys in a trust directory: from the variables that Docker and notary read, else from the person. */
import { printable } from '@vidimus/reference';
import { CliError } from '../cli-error.ts';
import type { Context } from '../context.ts';
import { exitCodes } from '../exit-codes.ts';
import type { TrustKeyFile } from './key-file.ts';

/** As the programs themselves ask: wrong ones are forgiven twice. */
const maxAttempts = 3;

/** The variables that may hold a key's passphrase, Docker's first. */
export function passphraseVariables(role: string | undefined): readonly string[] {
  if (role === 'root') return ['DOCKER_CONTENT_TRUST_ROOT_PASSPHRASE', 'NOTARY_ROOT_PASSPHRASE'];
  const repository = 'DOCKER_CONTENT_TRUST_REPOSITORY_PASSPHRASE';
  if (role === 'targets') return [repository, 'NOTARY_TARGETS_PASSPHRASE'];
  if (role === 'snapshot') return [repository, 'NOTARY_SNAPSHOT_PASSPHRASE'];
  return [repository, 'NOTARY_DELEGATION_PASSPHRASE'];
}

/**
 * Tries what is known until one opens the key.
 * @param open undefined: not with this passphrase
 * @throws CliError PASSPHRASE_NEEDED, PASSPHRASE_WRONG or CANCELLED
 */
export async function withPassphrase<Opened>(
  context: Context,
  key: TrustKeyFile,
  open: (passphrase: string) => Opened | undefined,
): Promise<Opened> {
  const variables = passphraseVariables(key.role);
  const given = variables.map((name) => context.world.environment[name] ?? '').filter((text) => text !== '');
  for (const passphrase of given) {
    const opened = open(passphrase);
    if (opened !== undefined) return opened;
  }
  const what = `${key.role ?? 'private'} key ${key.keyId.slice(0, 12)}`;
  const hint = `set ${variables.join(' or ')}, or run this on a terminal`;
  if (!context.terminal.interactive || context.options.json === true) {
    if (given.length > 0) throw wrong(what, hint);
    throw new CliError(
      'PASSPHRASE_NEEDED',
      exitCodes.usage,
      `the ${what} is encrypted, and there is nobody to ask for its passphrase`,
      hint,
    );
  }
  for (let attempt = 0; attempt < maxAttempts; attempt += 1) {
    const opened = open(await askFor(context, what));
    if (opened !== undefined) return opened;
    context.terminal.note('that passphrase does not open it');
  }
  throw wrong(what, hint);
}

async function askFor({ world, terminal }: Context, what: string): Promise<string> {
  // The question takes the line on which progress stood.
  terminal.progress('');
  try {
    return await world.ask(printable(`Passphrase of the ${what}: `), { hidden: true });
  } catch (cause) {
    throw new CliError('CANCELLED', exitCodes.denied, 'not answered; nothing was published', undefined, {
      cause,
    });
  }
}

function wrong(what: string, hint: string): CliError {
  return new CliError(
    'PASSPHRASE_WRONG',
    exitCodes.usage,
    `no passphrase that was given opens the ${what}`,
    hint,
  );
}
