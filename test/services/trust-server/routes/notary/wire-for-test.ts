/** The Notary wire over a NotaryService that is a small memory: what HTTP does, not what the core decides. */
import { createHash } from 'node:crypto';
import {
  createAuthenticator,
  createOwnRegistryTokens,
  type RegistryTokens,
  type StoredToken,
} from '@vidimus/access';
import {
  type ChangefeedPage,
  type ChangeRecord,
  createTrustServer,
  type Log,
  type NotaryCall,
  type NotaryFile,
  type NotaryPart,
  type NotaryQuestion,
  type NotaryService,
  type NotaryWireParts,
  TrustError,
  type TrustServerParts,
} from '@vidimus/trust-server';
import type { Hono } from 'hono';
import { administrator, repository, serverParts, startMs, token } from '../../trust-server-for-test.ts';

export { repository, startMs, token };
export const tuf = `/v2/${repository}/_trust/tuf`;
/** A token whose globs reach another repository alone. */
export const narrowToken = `vdm_${'n'.repeat(43)}`;
export const expiredToken = `vdm_${'e'.repeat(43)}`;
export const basic = (password: string, user = 'anybody'): string =>
  `Basic ${Buffer.from(`${user}:${password}`).toString('base64')}`;
const sha256 = (data: string | Uint8Array): string => createHash('sha256').update(data).digest('hex');

export interface WireForTest {
  readonly app: Hono;
  /** What was done to the service, reads of files apart. */
  readonly done: { readonly name: string; readonly call?: NotaryCall; readonly args: readonly unknown[] }[];
  readonly edits: string[];
  readonly logged: string[];
  readonly clock: { nowMs: number };
  /** By `<role>`, `<role>@<version>` and `<role>#<sha256>`. */
  readonly files: Map<string, NotaryFile>;
  /** Uploads that wait for their deadline. */
  readonly deadlines: (() => void)[];
}

export const fileOf = (text: string): NotaryFile => {
  const bytes = new TextEncoder().encode(text);
  return { bytes, sha256: sha256(bytes), publishedMs: startMs };
};

/** A root of 2 kB that compresses, and a timestamp that is not worth it. */
export const root = fileOf(`{"signed":{"_type":"Root","pad":"${'ab'.repeat(1_000)}"},"signatures":[]}`);
export const timestamp = fileOf('{"signed":{"_type":"Timestamp"},"signatures":[]}');

export interface WireOptions {
  readonly wire?: Partial<NotaryWireParts>;
  readonly server?: Partial<TrustServerParts>;
  readonly service?: Partial<NotaryService>;
  readonly tokens?: RegistryTokens;
}

export const ownSecret = new Uint8Array(32).fill(9);

export function wireForTest(options: WireOptions = {}): WireForTest {
  const done: WireForTest['done'] = [];
  const edits: string[] = [];
  const logged: string[] = [];
  const deadlines: (() => void)[] = [];
  const clock = { nowMs: startMs };
  const files = new Map<string, NotaryFile>();
  for (const [role, file] of [
    ['root', root],
    ['timestamp', timestamp],
    ['releases', fileOf('{"signed":{"_type":"Targets"}}')],
  ] as const) {
    for (const key of [role, `${role}@1`, `${role}#${file.sha256}`]) files.set(key, file);
  }
  const log: Log = {
    info: (fields, message) => edits.push(`${message} ${JSON.stringify(fields)}`),
    warn: (fields, message) => logged.push(`${message} ${String(fields['err'])}`),
    error: (fields, message) => logged.push(`${message} ${String(fields['err'])}`),
  };
  const now = (): number => clock.nowMs;
  const rows: readonly StoredToken[] = [
    administrator({}),
    administrator({ id: 't2', hash: sha256(narrowToken), repositories: ['r.example/other'] }),
    administrator({ id: 't3', hash: sha256(expiredToken), expiresAt: startMs - 1 }),
  ];
  const app = createTrustServer({
    ...serverParts(),
    authenticator: createAuthenticator({
      tokens: {
        findByHash: async (hash) => rows.find((row) => row.hash === hash),
        insertFirst: async () => false,
      },
      now,
    }),
    now,
    log,
    ...options.server,
    notary: {
      service: { ...memory(files, done), ...options.service },
      access: 'token',
      gunPrefixes: [],
      tokens: options.tokens ?? createOwnRegistryTokens(ownSecret, now),
      after: (_ms, callback) => {
        deadlines.push(callback);
        return () => deadlines.splice(deadlines.indexOf(callback), 1);
      },
      ...options.wire,
    },
  });
  return { app, done, edits, logged, clock, files, deadlines };
}

/** An answer as the recorded exchanges show it. */
export async function shown(response: Response): Promise<{ readonly status: number; readonly body: string }> {
  return { status: response.status, body: await response.text() };
}

export interface UploadFile {
  readonly filename: string;
  readonly text: string;
}

/** A form as Go's multipart writer makes it. */
export function formOf(files: readonly UploadFile[], boundary = 'b0'): string {
  const parts = files.map(
    ({ filename, text }) =>
      `--${boundary}\r\nContent-Disposition: form-data; name="files"; filename="${filename}"\r\n` +
      `Content-Type: application/octet-stream\r\n\r\n${text}\r\n`,
  );
  return `${parts.join('')}--${boundary}--\r\n`;
}

export const upload = (
  files: readonly UploadFile[],
  headers: Record<string, string> = { Authorization: `Bearer ${token}` },
): RequestInit => ({
  method: 'POST',
  headers: { 'Content-Type': 'multipart/form-data; boundary=b0', ...headers },
  body: formOf(files),
});

function memory(files: Map<string, NotaryFile>, done: WireForTest['done']): NotaryService {
  const find = ({ role, version, sha256: hash }: NotaryQuestion): NotaryFile | undefined => {
    if (hash !== undefined) return files.get(`${role}#${hash}`);
    return files.get(version === undefined ? role : `${role}@${version}`);
  };
  const known = (name: string): boolean => name === repository;
  return {
    readNotary: (name, question) => (known(name) ? find(question) : undefined),
    updateNotary: async (call, name, parts: readonly NotaryPart[]) => {
      if (!known(name) && !call.mayCreate) throw new TrustError('UNAUTHORIZED', 'would create');
      done.push({ name: 'updateNotary', call, args: [name, parts] });
    },
    notaryKey: async (call, name, role, mode) => {
      if (!known(name) && !call.mayCreate) throw new TrustError('UNAUTHORIZED', 'would create');
      done.push({ name: 'notaryKey', call, args: [name, role, mode] });
      return { keyval: { private: null, public: 'cHVibGlj' }, keytype: 'ed25519' };
    },
    endNotary: async (call, name) => {
      done.push({ name: 'endNotary', args: [call.actor, name] });
    },
    readChangefeed: async (scope, page: ChangefeedPage) => {
      done.push({ name: 'readChangefeed', args: [scope, page] });
      return feed;
    },
    hasRepository: async (name) => known(name),
  };
}

export const feed: readonly ChangeRecord[] = [
  {
    id: 12,
    createdAtMs: startMs,
    repository,
    version: 3,
    sha256: 'ab'.repeat(32),
    category: 'update',
  },
  { id: 13, createdAtMs: startMs + 1, repository, version: 0, sha256: '', category: 'deletion' },
];
