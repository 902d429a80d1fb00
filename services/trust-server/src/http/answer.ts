/** What a route answers, before it is a Response: so that it can be kept for a repeated request. */
import type { Call, Outcome } from '../service.ts';

export interface Answer {
  readonly status: number;
  /** Printed as JSON. */
  readonly body: unknown;
  readonly headers?: Readonly<Record<string, string>>;
}

/** An answer as text: what goes over the wire and what is kept under an `Idempotency-Key`. */
export interface PrintedAnswer {
  readonly status: number;
  readonly text: string;
  readonly headers: Readonly<Record<string, string>>;
}

export function printAnswer(answer: Answer): PrintedAnswer {
  return { status: answer.status, text: JSON.stringify(answer.body), headers: answer.headers ?? {} };
}

/** A JSON object's answer without some of its members: what may be kept of one that shows a secret. */
export function withoutMembers(answer: PrintedAnswer, members: readonly string[]): PrintedAnswer {
  if (members.length === 0) return answer;
  const body: object = JSON.parse(answer.text);
  const kept = Object.entries(body).filter(([name]) => !members.includes(name));
  return { ...answer, text: JSON.stringify(Object.fromEntries(kept)) };
}

/** Answers of the API are about now and for one caller: nobody caches them. */
export function toResponse(answer: PrintedAnswer, requestId: string): Response {
  return new Response(answer.text, {
    status: answer.status,
    headers: {
      'Content-Type': 'application/json',
      'Cache-Control': 'no-store',
      'X-Content-Type-Options': 'nosniff',
      'X-Request-Id': requestId,
      ...answer.headers,
    },
  });
}

/**
 * The answer to an edit (CONTRACTS C2): 200 (or `doneStatus`) when it took effect, 202 with the change and its
 * place when signatures are missing; a dry run says so and adds the impact.
 */
export function answerEdit<Body extends object>(
  call: Call,
  repository: string,
  outcome: Outcome<Body>,
  doneStatus = 200,
): Answer {
  const dry = call.dryRun === true ? { dryRun: true, impact: outcome.impact } : {};
  if (outcome.outcome === 'done') return { status: doneStatus, body: { ...outcome.body, ...dry } };
  const { change } = outcome;
  return {
    status: 202,
    body: { change, ...dry },
    // In a dry run there is nothing to be found there.
    headers:
      call.dryRun === true
        ? {}
        : { Location: `/v2/${repository}/_trust/changes/${encodeURIComponent(change.id)}` },
  };
}
