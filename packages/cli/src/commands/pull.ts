/** `vidimus pull IMAGE`: judge, then pull exactly the digest that was judged. */

import { isLoopback, pullToLayout } from '@vidimus/oci';
import { parsePlatform, parseReference, printable } from '@vidimus/reference';
import type { Verification } from '@vidimus/verifier';
import { CliError } from '../cli-error.ts';
import { exitOf, type JudgingOptions, judgeImage, verificationJson } from '../client/judge-image.ts';
import { type Client, openClient } from '../client/open-client.ts';
import { findRegistry } from '../config/resolve-config.ts';
import type { Context } from '../context.ts';
import { type ExitCode, exitCodes } from '../exit-codes.ts';
import { decisionLines, vouchSummary, warningLines } from '../output/decision-lines.ts';
import { shorten } from '../output/table.ts';
import { trustWarningLines } from '../output/trust-warnings.ts';
import { verdictLine } from '../output/verdict.ts';
import { isInstalled } from '../pull/installed.ts';
import { assertCanPull, type PullProgram, pullPrograms, pullWith } from '../pull/pull-with.ts';

export interface PullOptions extends JudgingOptions {
  readonly with?: PullProgram;
  readonly to?: string;
}

interface Pulled {
  readonly with: 'oci' | PullProgram;
  readonly reference: string;
  readonly to: string | null;
  readonly retagged: string | null;
}

/** Prints the verdict and what was pulled; a refusal pulls nothing. */
export async function pull(context: Context, image: string, options: PullOptions): Promise<ExitCode> {
  const by = choosePuller(context, options);
  const client = openClient(context, options.online === true);
  try {
    const verification = await judgeImage(context, client, image, options);
    const exit = exitOf(verification);
    const { terminal } = context;
    for (const line of trustWarningLines(client.warnings, terminal.noteColors)) terminal.note(line);
    if (exit !== exitCodes.done) return refuse(context, verification, exit);
    const start = context.world.now();
    announce(context, verification);
    const pulled = await fetchImage(context, client, verification, by, options);
    report(context, verification, pulled, context.world.now() - start);
    return exitCodes.done;
  } finally {
    client.close();
  }
}

function refuse(context: Context, verification: Verification, exit: ExitCode): ExitCode {
  const { terminal, world, options } = context;
  if (options.json === true) context.json({ ...verificationJson(verification), pulled: null });
  else {
    const quiet = options.quiet === true;
    const print = quiet ? terminal.complain : terminal.out;
    const colors = quiet ? terminal.noteColors : terminal.colors;
    for (const line of decisionLines(verification, colors, world.now())) print(line);
    print('nothing was pulled');
  }
  return exit;
}

/** `--to oci:DIR` needs no other program; else what was named, else the first engine that is installed. */
function choosePuller(context: Context, options: PullOptions): 'oci' | PullProgram {
  if (options.to !== undefined && layoutDirectory(options.to) === undefined) {
    throw new CliError(
      'USAGE',
      exitCodes.usage,
      `--to ${options.to} is not oci:DIR`,
      'for example --to oci:web',
    );
  }
  if (options.with !== undefined) {
    assertCanPull(options.with, options.to, context.world.environment);
    return options.with;
  }
  if (options.to !== undefined) return 'oci';
  const found = (['docker', 'podman', 'nerdctl'] as const).find((name) =>
    isInstalled(name, context.world.environment),
  );
  if (found !== undefined) return found;
  throw new CliError(
    'PROGRAM_MISSING',
    exitCodes.usage,
    `none of ${pullPrograms.join(', ')} is installed`,
    'pull into a directory instead: vidimus pull IMAGE --to oci:DIR',
  );
}

async function fetchImage(
  context: Context,
  client: Client,
  verification: Verification,
  by: 'oci' | PullProgram,
  options: PullOptions,
): Promise<Pulled> {
  const { resolved, repository, tag } = verification.decision.image;
  if (resolved === null)
    throw new CliError('PULL_FAILED', exitCodes.internal, 'an allowed image without a digest');
  if (by === 'oci') return await pullIntoLayout(context, client, verification, options);
  const retagged = await pullWith(by, {
    resolved,
    retag: tag === null ? undefined : `${repository}:${tag}`,
    platform: options.platform,
    plainHttp: isPlain(context, repository),
    to: options.to,
    environment: context.world.environment,
    onOutput: (line) => context.terminal.progress(printable(line)),
  });
  return { with: by, reference: resolved, to: options.to ?? null, retagged: retagged ?? null };
}

async function pullIntoLayout(
  context: Context,
  client: Client,
  verification: Verification,
  options: PullOptions,
): Promise<Pulled> {
  const { image } = verification.decision;
  const directory = layoutDirectory(options.to ?? '');
  if (directory === undefined || image.digest === null || image.resolved === null) {
    throw new CliError('PULL_FAILED', exitCodes.internal, 'an allowed image without a digest');
  }
  const interruption = watchForStop(context, client);
  await pullToLayout({
    client: client.registry,
    repository: image.repository,
    image: { digest: image.digest, ...(image.size === null ? {} : { size: image.size }) },
    ...(options.platform === undefined ? {} : { platform: parsePlatform(options.platform) }),
    directory,
    name: image.tag ?? image.digest,
    onProgress: ({ digest, received, size }) => {
      interruption.assertNone();
      context.terminal.progress(`${shorten(digest)}  ${received} of ${size} bytes`);
    },
  }).catch((error: unknown) => {
    interruption.assertNone();
    throw error;
  });
  return { with: 'oci', reference: image.resolved, to: `oci:${directory}`, retagged: image.tag };
}

/** Ctrl-C ends the transfers, so that the pull fails and takes away what it has written. */
function watchForStop({ world }: Context, client: Client): { readonly assertNone: () => void } {
  let signal: string | undefined;
  void world.stopped.then((name) => {
    signal = name;
    client.registry.close();
  });
  return {
    assertNone() {
      if (signal === undefined) return;
      const message = `interrupted by ${signal}: what this pull had written is gone`;
      throw new CliError('CANCELLED', exitCodes.denied, message, 'pull again');
    },
  };
}

function layoutDirectory(to: string): string | undefined {
  return /^oci:(.+)$/.exec(to)?.[1];
}

/** Whether the registry is spoken to without TLS: by configuration, or because it is this machine. */
function isPlain(context: Context, repository: string): boolean {
  const { registry } = parseReference(repository);
  const configured = findRegistry(context.config(), registry);
  if (configured?.plainHttp !== undefined) return configured.plainHttp;
  return configured?.ca === undefined && isLoopback(new URL(`http://${registry}/`));
}

function announce(context: Context, verification: Verification): void {
  if (context.options.json === true || context.options.quiet === true) return;
  const { terminal, world } = context;
  const { requested, digest } = verification.decision.image;
  for (const line of warningLines(verification, terminal.noteColors, world.now())) terminal.note(line);
  const line = verdictLine(terminal.colors, 'ALLOWED', `${printable(requested)} -> ${shorten(digest ?? '')}`);
  terminal.out(`${line}  (${vouchSummary(verification, world.now())})`);
}

function report(context: Context, verification: Verification, pulled: Pulled, elapsedMs: number): void {
  if (context.options.json === true) {
    context.json({ ...verificationJson(verification), pulled });
    return;
  }
  if (context.options.quiet === true) {
    context.terminal.out(pulled.reference);
    return;
  }
  const called = pulled.retagged === null ? '' : `, tagged ${pulled.retagged}`;
  const to = pulled.to === null ? '' : ` into ${printable(pulled.to)}`;
  const by = pulled.with === 'oci' ? 'vidimus' : pulled.with;
  context.terminal.out(`  pulled with ${by} by digest${to}${called}  ${(elapsedMs / 1000).toFixed(1)} s`);
}
