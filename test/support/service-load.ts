/** Several publishers at once, each signing tag after tag over HTTP and noting what was acknowledged. */
import { type CallAnswer, codeOf, digestOf, putTag } from './service-calls.ts';

export interface LoadOptions {
  readonly repository: string;
  /** Begins every tag; different for every load on one repository. */
  readonly prefix: string;
  /** Where each publisher sends its edits; one publisher per entry. */
  readonly urls: readonly string[];
  /** Called after each acknowledged publish with their number so far. */
  readonly onAcknowledged?: (count: number) => void;
  /** Pause after an answer that is no success; without it the publisher ends there. */
  readonly retryMs?: number;
}

export interface Load {
  /** Tags whose publish was answered with 200, and their digests. */
  readonly acknowledged: ReadonlyMap<string, string>;
  /** Answers that were no success: `409 VERSION_CONFLICT`, or `broken` where the connection ended. */
  readonly refusals: readonly Refusal[];
  /** Resolves when every publisher has ended. */
  readonly ended: Promise<void>;
  /** Ends every publisher after the call that is under way. */
  stop(): Promise<void>;
}

export interface Refusal {
  readonly url: string;
  /** Status and code, or `broken`. */
  readonly what: string;
  readonly retryAfter: string | null;
}

export function startLoad(options: LoadOptions): Load {
  const acknowledged = new Map<string, string>();
  const refusals: Refusal[] = [];
  let stopped = false;

  const publisher = async (url: string, index: number): Promise<void> => {
    for (let number = 1; !stopped; number += 1) {
      const tag = `${options.prefix}-${index}-${number}`;
      const answer = await putTag(url, options.repository, tag).catch(() => undefined);
      if (answer?.status === 200) {
        acknowledged.set(tag, digestOf(tag));
        options.onAcknowledged?.(acknowledged.size);
        continue;
      }
      refusals.push(toRefusal(url, answer));
      if (options.retryMs === undefined) return;
      await new Promise((resolve) => setTimeout(resolve, options.retryMs));
    }
  };
  const ended = Promise.all(options.urls.map(publisher)).then(() => undefined);
  return {
    acknowledged,
    refusals,
    ended,
    stop: () => {
      stopped = true;
      return ended;
    },
  };
}

function toRefusal(url: string, answer: CallAnswer | undefined): Refusal {
  return {
    url,
    what: answer === undefined ? 'broken' : `${answer.status} ${codeOf(answer)}`,
    retryAfter: answer?.headers.get('retry-after') ?? null,
  };
}
