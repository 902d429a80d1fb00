/** `vidimus key impact`: what would break if a key were revoked. */
import { parseRepository } from '@vidimus/reference';
import type { Context } from '../context.ts';
import { type ExitCode, exitCodes } from '../exit-codes.ts';
import { findKeyId } from '../keys/find-key-id.ts';
import { fleetLines, keyLine, repositoryLines } from '../keys/impact-lines.ts';
import { readKeyEntry } from '../keys/listed-key.ts';
import { withFleet } from '../keys/with-fleet.ts';
import { shorten } from '../output/table.ts';
import { withPublisher } from '../publish/with-publisher.ts';

export interface ImpactOptions {
  readonly replaceWith?: string;
  readonly threshold?: number;
}

/** What would break; nothing is changed. */
export async function impact(
  context: Context,
  id: string,
  repository: string | undefined,
  options: ImpactOptions,
): Promise<ExitCode> {
  const keyId = await findKeyId(context, id, repository);
  const replacement =
    options.replaceWith === undefined ? undefined : await readKeyEntry(context, options.replaceWith);
  const wish = {
    ...(replacement === undefined ? {} : { replacement }),
    ...(options.threshold === undefined ? {} : { threshold: options.threshold }),
  };
  const now = context.world.now();
  if (repository !== undefined) {
    const { name } = parseRepository(repository);
    return await withPublisher(context, name, async (publisher) => {
      const key = await publisher.key(name, keyId);
      const found = await publisher.keyImpact(name, keyId, wish);
      const lines = [`If revoked now, in ${name}:`, '', ...repositoryLines(found, now)];
      return printImpact(context, found, [keyLine(key), ...lines], keyId, `${name} `, options);
    });
  }
  return await withFleet(context, async (publisher) => {
    const key = await publisher.fleetKey(keyId);
    const found = await publisher.fleetKeyImpact(keyId, wish);
    const { total } = found.repositories;
    const lines = [
      `If revoked now, in ${total} ${total === 1 ? 'repository' : 'repositories'}:`,
      '',
      ...fleetLines(found, now),
    ];
    return printImpact(context, found, [keyLine(key), ...lines], keyId, '', options);
  });
}

function printImpact(
  context: Context,
  found: object,
  lines: readonly string[],
  keyId: string,
  where: string,
  { replaceWith }: ImpactOptions,
): ExitCode {
  if (context.options.json === true) {
    context.json(found);
    return exitCodes.done;
  }
  for (const line of lines) context.terminal.out(line);
  const instead = `--replace-with ${replaceWith ?? 'FILE'} `;
  context.terminal.out('');
  context.terminal.out(`Do it    vidimus key revoke ${shorten(keyId)} ${where}${instead}--reason TEXT`);
  context.terminal.out('Nothing has been changed.');
  return exitCodes.done;
}
