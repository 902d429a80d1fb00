/** `GET …/_trust/tuf/<file>.json`: the hot path of the Notary wire. Never signs, never writes. */
import type { Context, Handler } from 'hono';
import { LRUCache } from 'lru-cache';
import { matchesEtag } from '../../http/request-headers.ts';
import type { NotaryOperation } from '../../metrics/http-metrics.ts';
import type { NotaryFile, NotaryQuestion } from '../../notary-service.ts';
import {
  acceptsGzip,
  type Lasting,
  type PreparedFile,
  prepareNotaryFile,
  type Representation,
} from './file-answers.ts';
import { type FileName, parseFileName } from './file-names.ts';
import {
  failed,
  isServed,
  missing,
  missingFile,
  pullScope,
  repositoryOf,
  type WireParts,
} from './wire-parts.ts';

interface Question {
  readonly repository: string;
  /** Undefined for what is no name here. */
  readonly name: FileName | undefined;
}

/** Paths whose meaning is remembered: decoding and parsing them would cost more than the answer. */
const maxRemembered = 4_096;

/**
 * No middleware, no promise while the file is in memory, answers prepared once per stored file.
 * @param key - answers for `timestamp.key` and `snapshot.key`, which stand among the files
 */
export function fileHandler(parts: WireParts, key: Handler): Handler {
  const prepared = new WeakMap<NotaryFile, PreparedFile>();
  const prepare = (file: NotaryFile): PreparedFile => {
    let ready = prepared.get(file);
    if (ready === undefined) {
      ready = prepareNotaryFile(file, parts.publicReads);
      prepared.set(file, ready);
    }
    return ready;
  };
  const send = (
    context: Context,
    question: NotaryQuestion,
    file: NotaryFile | undefined,
  ): Response | Promise<Response> => {
    const operation = operationOf(question);
    if (file === undefined) {
      parts.metrics.countNotary(operation, 404);
      return missingFile();
    }
    const ready = prepare(file);
    const answer = (representation: Representation): Response =>
      answerWith(parts, context, operation, representation);
    if (!acceptsGzip(context.req.header('accept-encoding'))) return answer(ready.identity);
    const compressed = ready.compressed();
    if (!(compressed instanceof Promise)) return answer(compressed ?? ready.identity);
    return compressed.then((made) => answer(made ?? ready.identity));
  };
  const questions = new LRUCache<string, Question>({ max: maxRemembered });
  const read = (
    context: Context,
    question: NotaryQuestion,
    repository: string,
  ): Response | Promise<Response> => {
    try {
      const file = parts.service.readNotary(repository, question);
      const answer =
        file instanceof Promise
          ? file.then((found) => send(context, question, found))
          : send(context, question, file);
      if (!(answer instanceof Promise)) return answer;
      return answer.catch((error: unknown) => failed(parts, context, error));
    } catch (error) {
      return failed(parts, context, error);
    }
  };
  return (context, next) => {
    const { path } = context.req;
    let question = questions.get(path);
    if (question === undefined) {
      question = toQuestion(parts, context);
      questions.set(path, question);
    }
    const { repository, name } = question;
    if (name === undefined) return missing();
    if (name.kind === 'key') return key(context, next);
    const wanted = name.kind === 'file' ? name.question : undefined;
    const answer = (): Response | Promise<Response> =>
      wanted === undefined ? missingFile() : read(context, wanted, repository);
    if (parts.publicReads || parts.access === 'open') return answer();
    return parts.door
      .admit(context, pullScope(repository), false)
      .then((visitor) => (visitor instanceof Response ? visitor : answer()))
      .catch((error: unknown) => failed(parts, context, error));
  };
}

function toQuestion(parts: WireParts, context: Context): Question {
  const repository = repositoryOf(context);
  const name = isServed(parts, repository) ? parseFileName(context.req.param('file') ?? '') : undefined;
  return { repository, name };
}

function answerWith(
  parts: WireParts,
  context: Context,
  operation: NotaryOperation,
  { etag, bytes, full, notModified }: Representation,
): Response {
  const lasting: Lasting = operation === 'GetRole' ? 'current' : 'fixed';
  const known = context.req.header('if-none-match');
  if (known !== undefined && matchesEtag(known, etag)) {
    parts.metrics.countNotary(operation, 304);
    return new Response(null, notModified[lasting]);
  }
  parts.metrics.countNotary(operation, 200);
  return new Response(bytes, full[lasting]);
}

function operationOf({ version, sha256 }: NotaryQuestion): NotaryOperation {
  if (sha256 !== undefined) return 'GetRoleByHash';
  return version === undefined ? 'GetRole' : 'GetRoleByVersion';
}
