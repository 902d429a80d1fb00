/** `vidimus key rotate`: other keys, another threshold or lifetime for a role. */
import { parseRepository, printable } from '@vidimus/reference';
import { type PublishClient, type Rotated, trustPath } from '@vidimus/trust-client';
import { CliError } from '../cli-error.ts';
import type { Context } from '../context.ts';
import { type ExitCode, exitCodes } from '../exit-codes.ts';
import { readKeyEntry } from '../keys/listed-key.ts';
import { shorten } from '../output/table.ts';
import { formatVersions, printAnswer } from '../publish/outcome-lines.ts';
import { askedCall, type Carried, carryOwnEdit, waitingAnswer } from '../publish/own-edit.ts';
import { withPublisher } from '../publish/with-publisher.ts';

export interface RotateOptions {
  readonly to?: readonly string[];
  readonly threshold?: number;
  readonly expiresAfter?: string;
  readonly reason?: string;
  readonly key?: readonly string[];
}

/** Other keys for a role; without `--to` another threshold or lifetime, or, of a managed role, a new managed key. */
export async function rotate(
  context: Context,
  name: string,
  role: string,
  options: RotateOptions,
): Promise<ExitCode> {
  const { name: repository } = parseRepository(name);
  const { to, threshold, expiresAfter, reason, key: keys } = options;
  const terms = {
    ...(threshold === undefined ? {} : { threshold }),
    ...(expiresAfter === undefined ? {} : { expiresAfter }),
  };
  return await withPublisher(context, repository, async (publisher) => {
    if (to === undefined && Object.keys(terms).length > 0) {
      const outcome = await publisher.changeRole(repository, role, terms);
      const asked = askedCall('PATCH', trustPath(repository, 'roles', role), terms);
      const carried = await carryOwnEdit(context, publisher, { outcome, asked, keys });
      return answerRotated(context, repository, role, carried);
    }
    const entries = [];
    for (const each of to ?? (await usualKeys(publisher, repository, role))) {
      entries.push(await readKeyEntry(context, each));
    }
    const request = { to: entries, ...terms, ...(reason === undefined ? {} : { reason }) };
    const outcome = await publisher.rotateRole(repository, role, request);
    const asked = askedCall('POST', trustPath(repository, 'roles', role, 'rotations'), request);
    const carried = await carryOwnEdit(context, publisher, { outcome, asked, keys });
    return answerRotated(context, repository, role, carried);
  });
}

/** Nothing that people hold becomes the service's because somebody forgot to say whose it shall be. */
async function usualKeys(
  publisher: PublishClient,
  repository: string,
  role: string,
): Promise<readonly string[]> {
  const { custody, keyIds } = await publisher.role(repository, role);
  if (custody === 'managed') return keyIds.map(() => 'managed').slice(0, 1);
  throw new CliError(
    'USAGE',
    exitCodes.usage,
    `clients hold keys of ${printable(role)}: say which keys it shall have`,
    `vidimus key rotate ${repository} ${role} --to FILE...   (or --to managed)`,
  );
}

function answerRotated(
  context: Context,
  repository: string,
  role: string,
  carried: Carried<Rotated>,
): ExitCode {
  const subject = `${role} of ${repository}`;
  if (carried.state === 'pending') return printAnswer(context, waitingAnswer(subject, carried));
  const versions = carried.state === 'done' ? carried.body.published : carried.versions;
  const after = carried.state === 'done' ? carried.body.role : undefined;
  const isSame = Object.keys(versions).length === 0;
  const next = `vidimus inspect ${repository}`;
  return printAnswer(context, {
    deed: isSame ? 'EXISTS' : 'ROTATED',
    subject,
    facts: [
      ...(carried.state === 'done' ? [] : [['change', carried.change.id] as const]),
      ...(after === undefined
        ? []
        : [
            [
              'keys',
              `${after.threshold} of ${after.keyIds.length}: ${after.keyIds.map(shorten).join(', ')}, ${after.custody} custody`,
            ] as const,
          ]),
      isSame
        ? ['state', 'as it was asked for already; nothing was changed']
        : ['versions', formatVersions(versions)],
      ['next', next],
    ],
    json: {
      repository,
      role,
      published: versions,
      ...(carried.state === 'done' ? {} : { change: carried.change.id }),
      ...(after === undefined ? {} : { keys: after }),
      next,
    },
  });
}
