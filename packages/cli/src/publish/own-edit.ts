/** What comes of an edit that this machine asked for: published, or a change that is signed here as far as it can be. */
import type { Change, Outcome, PublishClient } from '@vidimus/trust-client';
import type { AskedCall } from '../change/check-change.ts';
import { type SignedChange, signOwnEdit } from '../change/complete-change.ts';
import { waitForChange } from '../change/wait-for-change.ts';
import { CliError } from '../cli-error.ts';
import type { Context } from '../context.ts';
import { exitCodes } from '../exit-codes.ts';
import { shorten } from '../output/table.ts';
import type { Answer, Fact } from './outcome-lines.ts';
import { pendingAnswer } from './with-publisher.ts';

export interface OwnEdit<Body> {
  readonly outcome: Outcome<Body>;
  /** What was asked for: the change must describe this, and nothing else. */
  readonly asked: AskedCall;
  /** Of `--key`. */
  readonly keys?: readonly string[] | undefined;
  readonly waitMs?: number;
}

export type Carried<Body> =
  | { readonly state: 'done'; readonly body: Body }
  /** Published by the signatures of this machine, or while it waited. */
  | {
      readonly state: 'published';
      readonly change: Change;
      readonly versions: Readonly<Record<string, number>>;
    }
  | { readonly state: 'pending'; readonly change: Change; readonly signed: SignedChange | undefined };

/** @throws CliError; TrustClientError CHANGE_MISMATCH, SIGNED_ALREADY, … */
export async function carryOwnEdit<Body>(
  context: Context,
  publisher: PublishClient,
  { outcome, asked, keys, waitMs = 0 }: OwnEdit<Body>,
): Promise<Carried<Body>> {
  if (outcome.outcome === 'done') return { state: 'done', body: outcome.body };
  const signed = await signOwnEdit(context, publisher, outcome.change, { asked, keys });
  const change = signed?.change ?? outcome.change;
  const waited = change.state === 'open' ? await waitForChange(context, publisher, change, waitMs) : change;
  if (waited.state === 'published') {
    return { state: 'published', change: waited, versions: waited.published ?? {} };
  }
  if (waited.state === 'open') return { state: 'pending', change: waited, signed };
  throw new CliError('CHANGE_CLOSED', exitCodes.denied, `change ${waited.id} is ${waited.state}`);
}

/** An edit that waits: what was signed here, and what others have to do. */
export function waitingAnswer(
  subject: string,
  { change, signed }: Extract<Carried<never>, { state: 'pending' }>,
  before: readonly Fact[] = [],
): Answer {
  const answer = pendingAnswer(subject, change);
  const own = signed?.signedBy ?? [];
  return {
    ...answer,
    facts: [
      ...before,
      ...answer.facts,
      ...(own.length === 0
        ? []
        : [['signed', `here, by ${own.map(({ keyId }) => shorten(keyId)).join(', ')}`] as const]),
      ['next', `vidimus change sign ${change.id} ${change.repository}, where a missing key is`],
    ],
  };
}

/** The call as the change must describe it. */
export function askedCall(method: string, path: string, body?: unknown): AskedCall {
  return { method, path: `/${path}`, body };
}
