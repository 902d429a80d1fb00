/** `vidimus verify IMAGE`: judge, pull nothing. */
import { exitOf, type JudgingOptions, judgeImage, verificationJson } from '../client/judge-image.ts';
import { openClient } from '../client/open-client.ts';
import type { Context } from '../context.ts';
import type { ExitCode } from '../exit-codes.ts';
import { decisionLines, warningLines } from '../output/decision-lines.ts';
import { trustWarningLines } from '../output/trust-warnings.ts';

/** Prints the verdict; with `--quiet` the pinned reference of an allowed image and nothing else. */
export async function verify(context: Context, image: string, options: JudgingOptions): Promise<ExitCode> {
  const client = openClient(context, options.online === true);
  try {
    const verification = await judgeImage(context, client, image, options);
    const exit = exitOf(verification);
    const { terminal, world } = context;
    for (const line of trustWarningLines(client.warnings, terminal.noteColors)) terminal.note(line);
    if (context.options.json === true) context.json(verificationJson(verification));
    else if (context.options.quiet === true && exit === 0)
      terminal.out(verification.decision.image.resolved ?? '');
    else if (context.options.quiet === true) {
      for (const line of decisionLines(verification, terminal.noteColors, world.now()))
        terminal.complain(line);
    } else {
      for (const line of warningLines(verification, terminal.noteColors, world.now())) terminal.note(line);
      for (const line of decisionLines(verification, terminal.colors, world.now())) terminal.out(line);
    }
    return exit;
  } finally {
    client.close();
  }
}
