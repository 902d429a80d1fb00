/** Folds recorded exchanges, repository by repository, into what was stored and held before each upload. */
import { encodeCanonical, isJsonObject, parseJson } from '@vidimus/canonical-json';
import { fromBase64, sha256Hex, toHex } from '@vidimus/crypto';
import { type Captures, type Exchange, readCaptures } from './exchange.ts';

/** An upload as the recorded server met it. */
export interface RecordedUpload {
  /** Client command and place in it. */
  readonly name: string;
  readonly repository: string;
  /** By wire role. */
  readonly stored: ReadonlyMap<string, Uint8Array>;
  readonly heldKeyIds: ReadonlySet<string>;
  readonly parts: readonly { readonly role: string; readonly bytes: Uint8Array }[];
  /** Of the answer, milliseconds since 1970. */
  readonly nowMs: number;
  readonly status: number;
  readonly code?: string;
  /** `Msg` of the refusal. */
  readonly message?: string;
}

interface Repository {
  readonly stored: Map<string, Uint8Array>;
  readonly heldKeyIds: Set<string>;
}

const trustPath = /^\/v2\/(.+)\/_trust\/tuf\/(.*)$/;
/** All recorded uploads, in order. */
export function replayUploads(): readonly RecordedUpload[] {
  const captures = readCaptures();
  const repositories = new Map<string, Repository>();
  const uploads: RecordedUpload[] = [];
  for (const [command, exchanges] of inOrder(captures)) {
    for (const [index, exchange] of exchanges.entries()) {
      const [, name = '', rest = ''] = trustPath.exec(exchange.path) ?? [];
      if (name === '') continue;
      const repository = repositories.get(name) ?? { stored: new Map(), heldKeyIds: new Set() };
      repositories.set(name, repository);
      if (exchange.upload !== undefined) {
        uploads.push(toUpload(`${command} ${index + 1}`, name, repository, exchange, captures.bodies));
      }
      fold(repository, rest, exchange, captures.bodies);
    }
  }
  return uploads;
}

/** Commands were numbered as they were run; where two shared a number, by their clocks. */
function inOrder({ exchanges }: Captures): readonly (readonly [string, readonly Exchange[]])[] {
  const first = (list: readonly Exchange[]): number => Date.parse(list[0]?.date ?? '');
  const natural = new Intl.Collator('en', { numeric: true });
  return [...exchanges].sort(([one, a], [other, b]) => first(a) - first(b) || natural.compare(one, other));
}

function fold(
  { stored, heldKeyIds }: Repository,
  rest: string,
  exchange: Exchange,
  bodies: Captures['bodies'],
): void {
  const { method, status, upload, answer } = exchange;
  if (status !== 200) return;
  if (method === 'DELETE') {
    stored.clear();
    return;
  }
  for (const { filename, body } of upload?.parts ?? []) stored.set(filename, bodyOf(bodies, body));
  if (answer === undefined) return;
  const bytes = bodyOf(bodies, answer);
  if (rest.endsWith('.key')) heldKeyIds.add(keyIdOf(bytes));
  if (rest !== 'timestamp.json') return;
  // What the server made itself; a client with a warm cache asks for the timestamp alone, its snapshot is recorded
  // elsewhere. Every other file was uploaded.
  stored.set('timestamp', bytes);
  const snapshot = bodies.get(snapshotOf(bytes));
  if (snapshot !== undefined) stored.set('snapshot', Buffer.from(snapshot));
}

function toUpload(
  name: string,
  repository: string,
  { stored, heldKeyIds }: Repository,
  { upload, date, status, answer }: Exchange,
  bodies: Captures['bodies'],
): RecordedUpload {
  const parts = upload?.parts.map(({ filename, body }) => ({ role: filename, bytes: bodyOf(bodies, body) }));
  return {
    name,
    repository,
    stored: new Map(stored),
    heldKeyIds: new Set(heldKeyIds),
    parts: parts ?? [],
    nowMs: Date.parse(date),
    status,
    ...(status === 200 || answer === undefined ? {} : refusalOf(bodies.get(answer) ?? '')),
  };
}

function refusalOf(body: string): { readonly code: string; readonly message: string } {
  const code = /"code":"(\w+)"/.exec(body)?.[1];
  const message = /"Msg":"(.*)"\}\}\}\]\}/.exec(body)?.[1];
  if (code === undefined || message === undefined) throw new Error(`no refusal: ${body}`);
  return { code, message };
}

function bodyOf(bodies: Captures['bodies'], id: string): Uint8Array {
  const text = bodies.get(id);
  if (text === undefined) throw new Error(`no body ${id}`);
  return Buffer.from(text);
}

/** A second opinion on key ids, from the description of the format alone. */
function keyIdOf(bytes: Uint8Array): string {
  return sha256Hex(encodeCanonical(parseJson(bytes, { maxBytes: bytes.length, maxDepth: 4 })));
}

/** Hex SHA-256 of the snapshot that a timestamp names. */
export function snapshotOf(timestamp: Uint8Array): string {
  let value = parseJson(timestamp, { maxBytes: timestamp.length, maxDepth: 8 });
  for (const member of ['signed', 'meta', 'snapshot', 'hashes', 'sha256']) {
    if (!isJsonObject(value)) throw new Error('not a timestamp');
    value = value[member] ?? null;
  }
  if (typeof value !== 'string') throw new Error('not a timestamp');
  return toHex(fromBase64(value));
}
