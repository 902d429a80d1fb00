/**
 * Keys in a signer, a process of its own: made there, used there. What it answers is believed only as far as it can be
 * checked: a signature must verify, a key must be for the place that was asked for.
 */
import { type ClientRequest, Agent as PlainAgent, request as plainRequest } from 'node:http';
import { Agent as TlsAgent, request as tlsRequest } from 'node:https';
import { fromHex, type PublicKey, toPublicKey } from '@vidimus/crypto';
import { z } from 'zod';
import { KeyStoreError, type KeyStoreErrorDetail } from '../errors.ts';
import type { HeldKey, MadeAlgorithm } from '../key-store.ts';
import type { Approval } from './approval.ts';
import { type MadeKey, madeKeySchema, type SignAnswer, signAnswerSchema, signerPaths } from './protocol.ts';

const DEFAULT_TIMEOUT_MS = 10_000;
const MAX_ANSWER_BYTES = 524_288;
const MAX_SOCKETS = 16;
/** A request on a connection that the signer closed meanwhile never reached it. */
const ATTEMPTS = 2;

export type SignerTarget =
  | { readonly kind: 'unix'; readonly path: string }
  | {
      readonly kind: 'tls';
      readonly host: string;
      readonly port: number;
      /** PEM: what the signer's certificate must be signed by, and what this side shows. */
      readonly ca: string;
      readonly cert: string;
      readonly key: string;
    };

export interface RemoteKeyStoreParts {
  readonly target: SignerTarget;
  /** A signer that is slower counts as down. */
  readonly timeoutMs?: number;
}

/** Where a document goes; `role` as the model names it. */
export interface RemotePlace {
  readonly repository: string;
  readonly dialect: 'tuf' | 'notary';
  readonly role: string;
}

/** What is known here of a key in the signer. */
export type RemoteKey = Pick<HeldKey, 'keyId' | 'algorithm' | 'publicHex'>;

/** Every method throws KeyStoreError SIGNER_UNAVAILABLE (down, slow, nonsense) or SIGNER_REFUSED (detail: `code`, and
 * `highest`, the newest version signed, where the version was used; `document`, base64, where that is a root of the same
 * content). */
export interface RemoteKeyStore {
  /** Makes a key for one place. */
  make(place: RemotePlace, algorithm?: MadeAlgorithm): Promise<MadeKey>;
  /** A verified signature over a whole document. */
  sign(
    key: RemoteKey,
    place: RemotePlace,
    document: Uint8Array,
    approvals?: readonly Approval[],
  ): Promise<{ readonly scheme: SignAnswer['scheme']; readonly signature: Uint8Array }>;
  /** Ends a key; one that is gone already is no failure. */
  destroy(keyId: string, repository: string): Promise<void>;
  /** Whether the signer answers. */
  ping(): Promise<void>;
  close(): void;
}

export function createRemoteKeyStore({
  target,
  timeoutMs = DEFAULT_TIMEOUT_MS,
}: RemoteKeyStoreParts): RemoteKeyStore {
  const agent =
    target.kind === 'unix'
      ? new PlainAgent({ keepAlive: true, maxSockets: MAX_SOCKETS })
      : new TlsAgent({ keepAlive: true, maxSockets: MAX_SOCKETS });

  function start(method: string, path: string): ClientRequest {
    const common = { agent, method, path, timeout: timeoutMs, signal: AbortSignal.timeout(timeoutMs) };
    if (target.kind === 'unix') return plainRequest({ ...common, socketPath: target.path });
    const { host, port, ca, cert, key } = target;
    return tlsRequest({ ...common, host, port, ca, cert, key, minVersion: 'TLSv1.3' });
  }

  async function call<T>(method: string, path: string, body: unknown, schema: z.ZodType<T>): Promise<T> {
    for (let attempt = 1; ; attempt += 1) {
      try {
        return await exchange(start(method, path), body, schema);
      } catch (error) {
        if (attempt < ATTEMPTS && error instanceof KeyStoreError && error.detail['reused'] === 1) continue;
        throw error;
      }
    }
  }

  return {
    make: async (place, algorithm) => {
      const made = await call('POST', signerPaths.keys, { ...place, algorithm }, madeKeySchema);
      const isAsked =
        made.repository === place.repository && made.dialect === place.dialect && made.role === place.role;
      if (isAsked && admit(made) !== undefined) return made;
      throw unavailable('the signer made another key than it was asked for');
    },
    sign: async (key, place, document, approvals = []) => {
      const request = {
        keyId: key.keyId,
        ...place,
        document: Buffer.from(document).toString('base64'),
        approvals,
      };
      const answer = await call('POST', signerPaths.sign, request, signAnswerSchema);
      const signature = new Uint8Array(Buffer.from(answer.signature, 'base64'));
      const isRight = answer.keyId === key.keyId && admit(key)?.verify(document, signature) === true;
      if (isRight) return { scheme: answer.scheme, signature };
      throw unavailable('the signer answered a signature that does not verify', { keyId: key.keyId });
    },
    destroy: async (keyId, repository) => {
      try {
        await call('POST', signerPaths.destroy, { keyId, repository }, z.strictObject({}));
      } catch (error) {
        if (!(error instanceof KeyStoreError) || error.detail['code'] !== 'KEY_UNKNOWN') throw error;
      }
    },
    ping: async () => {
      await call('GET', signerPaths.health, undefined, z.strictObject({ ready: z.literal(true) }));
    },
    close: () => agent.destroy(),
  };
}

const refusalSchema = z.looseObject({
  code: z.string().regex(/^[A-Z_]{1,40}$/),
  message: z.string().max(1000),
  detail: z
    .looseObject({ highest: z.int().positive().optional(), document: z.base64().optional() })
    .optional(),
});

/** Codes that say the signer cannot now, rather than that it will not. */
const PASSING: readonly string[] = ['BUSY', 'KEY_LOCKED', 'INTERNAL', 'RECORD_UNUSABLE'];

async function exchange<T>(request: ClientRequest, body: unknown, schema: z.ZodType<T>): Promise<T> {
  const { status, text } = await converse(request, body);
  const value = parse(text);
  if (status === 200) {
    const parsed = schema.safeParse(value);
    if (parsed.success) return parsed.data;
    throw unavailable('the signer answered what is no answer', {}, parsed.error);
  }
  const refusal = refusalSchema.safeParse(value);
  if (!refusal.success) throw unavailable(`the signer answered ${status}`, { status });
  const { code, message, detail } = refusal.data;
  if (PASSING.includes(code)) throw unavailable(`the signer answered ${code}: ${message}`, { code });
  const { highest, document } = detail ?? {};
  throw new KeyStoreError('SIGNER_REFUSED', `the signer refused: ${message}`, {
    code,
    ...(highest === undefined ? {} : { highest }),
    ...(document === undefined ? {} : { document }),
  });
}

async function converse(
  request: ClientRequest,
  body: unknown,
): Promise<{ readonly status: number; readonly text: string }> {
  return await new Promise((resolve, reject) => {
    const fail = (cause: Error): void => {
      const reused = request.reusedSocket && 'code' in cause && cause.code === 'ECONNRESET';
      reject(unavailable('the signer cannot be reached', { reused: reused ? 1 : 0 }, cause));
    };
    request.once('error', fail);
    request.once('timeout', () => request.destroy(new Error('the signer is too slow')));
    request.once('response', (response) => {
      const chunks: Buffer[] = [];
      let size = 0;
      response.on('data', (chunk: Buffer) => {
        size += chunk.length;
        if (size > MAX_ANSWER_BYTES) response.destroy(new Error('the answer is too long'));
        else chunks.push(chunk);
      });
      response.once('error', fail);
      response.once('end', () =>
        resolve({ status: response.statusCode ?? 0, text: Buffer.concat(chunks).toString('utf8') }),
      );
    });
    if (body === undefined) request.end();
    else request.setHeader('content-type', 'application/json').end(JSON.stringify(body));
  });
}

function parse(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch (cause) {
    throw unavailable('the signer answered what is no JSON', {}, cause);
  }
}

/** Undefined for a public half that is none, or weak. */
function admit({ algorithm, publicHex }: Pick<HeldKey, 'algorithm' | 'publicHex'>): PublicKey | undefined {
  try {
    const bytes = fromHex(publicHex);
    return algorithm === 'ed25519'
      ? toPublicKey({ format: 'ed25519-raw', bytes }, 'ed25519')
      : toPublicKey({ format: 'spki-der', bytes }, 'ecdsa-sha256-p1363');
  } catch {
    // Whatever is wrong with it, nothing verifies under it.
    return undefined;
  }
}

function unavailable(message: string, detail: KeyStoreErrorDetail = {}, cause?: unknown): KeyStoreError {
  return new KeyStoreError('SIGNER_UNAVAILABLE', message, detail, cause === undefined ? {} : { cause });
}
