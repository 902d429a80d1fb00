/**
 * Copies recorded exchanges of the real clients with a Notary v1 server into test/vectors/notary/captures, compactly:
 * one file of exchanges per client command, bodies once each under their SHA-256.
 *
 * node --conditions=source --import tsx test/interop/notary/captures/import-captures.ts SOURCE
 *
 * SOURCE holds one folder per client command: `INDEX.txt` and one file per exchange, request then answer.
 */
import { copyFileSync, existsSync, mkdirSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { sha256Hex } from '@vidimus/crypto';
import { type Exchange, exchangeSchema, multipartOf, type Upload } from './exchange.ts';

const source = process.argv[2];
if (source === undefined) throw new Error('which directory holds the recordings?');
const target = fileURLToPath(new URL('../../../vectors/notary/captures/', import.meta.url));

const bodies = new Map<string, string>();

/** Every body is UTF-8; one that is not would not survive this. */
function keep(bytes: Buffer): string {
  const text = bytes.toString('utf8');
  if (!Buffer.from(text).equals(bytes)) throw new Error('a body is not UTF-8');
  const id = sha256Hex(bytes);
  bodies.set(id, text);
  return id;
}

interface Message {
  readonly start: string;
  readonly headers: ReadonlyMap<string, string>;
  readonly rest: Buffer;
}

function readMessage(bytes: Buffer): Message {
  const end = bytes.indexOf('\n\n');
  const [start = '', ...lines] = bytes.subarray(0, end).toString('utf8').split('\n');
  const headers = lines.map((line): [string, string] => {
    const colon = line.indexOf(':');
    return [line.slice(0, colon).toLowerCase(), line.slice(colon + 1).trim()];
  });
  return { start: start.slice('>>> '.length), headers: new Map(headers), rest: bytes.subarray(end + 2) };
}

function readUpload(contentType: string, body: Buffer): Upload {
  const boundary = /^multipart\/form-data; boundary=(\w+)$/.exec(contentType)?.[1];
  if (boundary === undefined) throw new Error(`not an upload: ${contentType}`);
  const pieces = body.toString('utf8').split(`--${boundary}`).slice(1, -1);
  const parts = pieces.map((piece) => {
    const end = piece.indexOf('\r\n\r\n');
    const filename = /filename="([^"]*)"/.exec(piece.slice(0, end))?.[1];
    if (filename === undefined) throw new Error('a part has no filename');
    return { filename, body: keep(Buffer.from(piece.slice(end + 4, -2))) };
  });
  const upload = { boundary, parts };
  if (!multipartOf(upload, (id) => bodies.get(id)).equals(body)) throw new Error('an upload of another form');
  return upload;
}

/** @param size bytes of the answer's body, as the index has it: chunked answers carry no length */
function readExchange(bytes: Buffer, size: number): Exchange {
  const request = readMessage(bytes);
  const requestLength = Number(request.headers.get('content-length') ?? 0);
  const after = request.rest.subarray(requestLength);
  const answer = readMessage(after.subarray(after.indexOf('<<< ')));
  const [method = '', path = ''] = request.start.split(' ');
  const date = answer.headers.get('date');
  if (date === undefined) throw new Error('an answer has no date');
  const contentType = request.headers.get('content-type');
  return exchangeSchema.parse({
    method,
    path,
    ...(contentType === undefined
      ? {}
      : { upload: readUpload(contentType, request.rest.subarray(0, requestLength)) }),
    status: Number(answer.start.split(' ')[1]),
    date,
    ...(size === 0 ? {} : { answer: keep(answer.rest.subarray(0, size)) }),
  });
}

function readFolder(folder: string): readonly Exchange[] {
  const index = readFileSync(join(folder, 'INDEX.txt'), 'utf8').trim().split('\n');
  const files = readdirSync(folder).filter((name) => /^\d{3}-/.test(name));
  if (index.length !== files.length) throw new Error(`${folder}: index and files differ`);
  return files.sort().map((name, at) => {
    const size = /\((\d+) B\) req/.exec(index[at] ?? '')?.[1];
    if (size === undefined) throw new Error(`${folder}: no size of ${name}`);
    return readExchange(readFileSync(join(folder, name)), Number(size));
  });
}

mkdirSync(join(target, 'exchanges'), { recursive: true });
for (const name of readdirSync(source).sort()) {
  const folder = join(source, name);
  if (existsSync(join(folder, 'INDEX.txt'))) {
    const text = JSON.stringify(readFolder(folder), undefined, 1);
    writeFileSync(join(target, 'exchanges', `${name}.json`), `${text}\n`);
    continue;
  }
  mkdirSync(join(target, name), { recursive: true });
  for (const file of readdirSync(folder)) copyFileSync(join(folder, file), join(target, name, file));
}
const sorted = [...bodies].sort(([one], [other]) => (one < other ? -1 : 1));
writeFileSync(join(target, 'bodies.json'), `${JSON.stringify(Object.fromEntries(sorted), undefined, 1)}\n`);
