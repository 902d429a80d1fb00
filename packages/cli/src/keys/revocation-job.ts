/** A revocation in many repositories: followed while somebody watches, and going on without. */
import { setTimeout as sleep } from 'node:timers/promises';
import { printable } from '@vidimus/reference';
import type { Job, PublishClient } from '@vidimus/trust-client';
import type { Context } from '../context.ts';
import { shorten } from '../output/table.ts';
import type { Answer, Fact } from '../publish/outcome-lines.ts';

const pollMs = 1_000;
const maxShown = 20;

/** The job when it has finished, or as it is when the person ends the command. */
export async function followJob(context: Context, publisher: PublishClient, started: Job): Promise<Job> {
  const stop = new AbortController();
  void context.world.stopped.then(() => stop.abort());
  let job = started;
  while (job.state === 'running' && !stop.signal.aborted) {
    context.terminal.progress(
      `job ${job.job}: ${job.done} of ${job.total} repositories ... (Ctrl-C leaves it running)`,
    );
    await sleep(pollMs, undefined, { signal: stop.signal }).catch(() => undefined);
    if (!stop.signal.aborted) job = await publisher.job(job.job);
  }
  return job;
}

/** Published, waiting, refused: in this order, each with what to do next. */
export function jobAnswer(keyId: string, job: Job): Answer {
  const { state, total, done, published, changes, refused } = job;
  const isOver = state === 'finished';
  const isWhole = isOver && changes.length === 0 && refused.length === 0;
  return {
    deed: isWhole ? 'REVOKED' : 'PENDING',
    subject: `key ${shorten(keyId)}`,
    facts: [
      [
        'job',
        `${printable(job.job)}, ${isOver ? 'finished' : `still running: ${done} of ${total}; the same call finds it again`}`,
      ],
      ['done', `${published} of ${total} repositories published`],
      ...(changes.length === 0
        ? []
        : [
            [
              'waits',
              `${changes.length} ${changes.length === 1 ? 'change' : 'changes'} for signatures: ${named(changes)}`,
            ] as const,
            ['', 'vidimus change list --mine'] as const,
          ]),
      ...refused
        .slice(0, maxShown)
        .map(
          ({ repository, code, message }, index): Fact => [
            index === 0 ? 'refused' : '',
            `${printable(repository)}  ${printable(code)}: ${printable(message)}`,
          ],
        ),
      ...(refused.length > maxShown ? [['', `and ${refused.length - maxShown} more: --json`] as const] : []),
      ...(job.hidden === 0
        ? []
        : [['hidden', `${job.hidden} repositories that this token may not see`] as const]),
    ],
    json: { key: keyId, ...job },
  };
}

function named(ids: readonly string[]): string {
  const more = ids.length > maxShown ? ` and ${ids.length - maxShown} more` : '';
  return `${ids
    .slice(0, maxShown)
    .map((id) => printable(id))
    .join(', ')}${more}`;
}
