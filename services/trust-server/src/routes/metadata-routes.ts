/** `GET /metadata/<file>`: the TUF repository, byte for byte as signed. Never signs, never writes. */

import type { Context, Handler } from 'hono';
import { LRUCache } from 'lru-cache';
import type { RouteDoc } from '../http/api-route.ts';
import { matchesEtag } from '../http/request-headers.ts';
import type { HttpMetrics } from '../metrics/http-metrics.ts';
import type { MetadataFile, MetadataName, TrustService } from '../service.ts';
import { missingFile, type PreparedFile, prepareFile } from './metadata-answers.ts';
import { parseMetadataName } from './metadata-files.ts';

export const metadataPath = '/v2/{repository}/_trust/metadata/{file}';

export interface MetadataParts {
  readonly service: Pick<TrustService, 'readMetadata'>;
  readonly metrics: HttpMetrics;
  readonly publicReads: boolean;
  /** The route as documented. */
  readonly doc: RouteDoc;
  /** Answers instead of the route when the caller may not read; undefined lets it pass. */
  readonly refuse: (context: Context, doc: RouteDoc) => Promise<Response | undefined>;
  /** Answers for what the service throws. */
  readonly fail: (context: Context, error: unknown) => Response;
}

interface Question {
  readonly repository: string;
  /** Undefined for what is no file name. */
  readonly name: MetadataName | undefined;
}

/** Paths whose meaning is remembered: decoding and parsing them would cost more than the answer. */
const maxRemembered = 4_096;

/**
 * The hot path: no middleware, no promise while the file is in memory, answers prepared once per stored
 * file and forgotten with it.
 */
export function metadataHandler(parts: MetadataParts): Handler {
  const prepared = new WeakMap<MetadataFile, PreparedFile>();
  const send = (context: Context, name: MetadataName, file: MetadataFile | undefined): Response => {
    if (file === undefined) {
      parts.metrics.countMetadataRead(404);
      return missingFile(name, parts.publicReads);
    }
    let ready = prepared.get(file);
    if (ready === undefined) {
      ready = prepareFile(file, name, parts.publicReads);
      prepared.set(file, ready);
    }
    const known = context.req.header('if-none-match');
    if (known !== undefined && matchesEtag(known, ready.etag)) {
      parts.metrics.countMetadataRead(304);
      return new Response(null, ready.notModified);
    }
    parts.metrics.countMetadataRead(200);
    return new Response(ready.bytes, ready.full);
  };
  const questions = new LRUCache<string, Question>({ max: maxRemembered });
  const read = (context: Context): Response | Promise<Response> => {
    const { path } = context.req;
    let question = questions.get(path);
    if (question === undefined) {
      question = toQuestion(context);
      questions.set(path, question);
    }
    const { repository, name } = question;
    if (name === undefined) return missingFile(undefined, parts.publicReads);
    try {
      const file = parts.service.readMetadata(repository, name);
      if (!(file instanceof Promise)) return send(context, name, file);
      return file.then(
        (found) => send(context, name, found),
        (error: unknown) => parts.fail(context, error),
      );
    } catch (error) {
      return parts.fail(context, error);
    }
  };
  if (parts.publicReads) return read;
  return async (context) => (await parts.refuse(context, parts.doc)) ?? (await read(context));
}

function toQuestion(context: Context): Question {
  return {
    repository: context.req.param('repository') ?? '',
    name: parseMetadataName(context.req.param('file') ?? ''),
  };
}
