/**
 * Our service as `migrate dct` meets it, in memory: keys and documents on the Notary wire, and imports, which it
 * judges as any upload and signs as any publish.
 */
import { ed25519FromSeed, fromBase64, sha256, sha256Hex, sha512Hex } from '@vidimus/crypto';
import {
  ed25519KeyObject,
  keyIdOf,
  NotaryError,
  notaryDialect,
  toModelRole,
  validateUpdate,
} from '@vidimus/notary';
import type { Draft } from '@vidimus/tuf';
import { z } from 'zod';
import { seal, targetsOf } from '../packages/notary/update/wire-client.ts';
import { type Files, pathOf } from './notary-fake.ts';
import { startServer, type TestServer } from './registry-server.ts';

export const SERVICE_TOKEN = `vdm_${'s'.repeat(43)}`;

const importBody = z.strictObject({
  dialect: z.literal('notary'),
  roots: z.array(z.string()).min(1),
  update: z.record(z.string(), z.string()),
  highest: z.strictObject({ timestamp: z.int(), snapshot: z.int() }),
});

export interface FakeService {
  readonly server: TestServer;
  /** What it serves on the Notary wire, below `/v2/`. */
  readonly files: Files;
  readonly imports: z.infer<typeof importBody>[];
  /** Loses the answer of the next import, after it was made. */
  losesAnswer: boolean;
}

/** @param now milliseconds since 1970 */
export async function startFakeService(now: () => number): Promise<FakeService> {
  const files: Files = new Map();
  const fake = { files, imports: [] as z.infer<typeof importBody>[], losesAnswer: false };
  const server = await startServer(async (request, response) => {
    const url = decodeURI(request.url ?? '').slice('/v2/'.length);
    const answer = (status: number, body: string | Uint8Array): void => {
      response.writeHead(status, { 'content-type': 'application/json' }).end(body);
    };
    if (url === '') {
      answer(200, '{}');
      return;
    }
    const isKnown = request.headers.authorization === `Bearer ${SERVICE_TOKEN}`;
    if (!isKnown && (request.method === 'POST' || url.endsWith('.key'))) {
      answer(401, '{"errors":[{"code":"UNAUTHORIZED","message":"who are you"}]}');
    } else if (request.method === 'POST' && url.endsWith('/_trust/imports')) {
      const chunks: Buffer[] = [];
      for await (const chunk of request) chunks.push(Buffer.from(chunk));
      const repository = url.slice(0, -'/_trust/imports'.length);
      const body = importBody.parse(JSON.parse(Buffer.concat(chunks).toString()));
      fake.imports.push(body);
      try {
        await publish(files, repository, body, now());
        if (fake.losesAnswer) response.destroy();
        else answer(201, JSON.stringify(summaryOf(repository)));
      } catch (error) {
        if (!(error instanceof NotaryError)) throw error;
        answer(400, JSON.stringify({ errors: [{ code: 'BODY_INVALID', message: error.message }] }));
      }
    } else if (url.endsWith('.key')) {
      const [, repository = '', role = ''] = /^(.*)\/_trust\/tuf\/(\w+)\.key$/.exec(url) ?? [];
      answer(200, JSON.stringify(keyOf(repository, role).object));
    } else {
      const found = files.get(url);
      if (typeof found === 'object') answer(200, found);
      else answer(found ?? 404, '{"errors":[]}');
    }
  });
  return Object.assign(fake, { server });
}

async function publish(
  files: Files,
  repository: string,
  { roots, update, highest }: z.infer<typeof importBody>,
  nowMs: number,
): Promise<void> {
  const chain = roots.map((text) => fromBase64(text));
  const parts = Object.entries(update).map(([role, text]) => ({ role, bytes: fromBase64(text) }));
  const stored = new Map([['root', chain.at(-1) ?? new Uint8Array()]]);
  // Nothing is stored of the others, and an import may begin at any version.
  for (const { role, bytes } of parts) {
    const { version } = z
      .object({ signed: z.object({ version: z.int() }) })
      .parse(JSON.parse(Buffer.from(bytes).toString())).signed;
    if (role !== 'root' && version > 1)
      stored.set(toModelRole(role), seal(targetsOf({ version: version - 1 })));
  }
  const [timestampKey, snapshotKey] = [keyOf(repository, 'timestamp'), keyOf(repository, 'snapshot')];
  const day = 86_400_000;
  const valid = validateUpdate({
    repository,
    stored,
    heldKeyIds: new Set([timestampKey.keyId, snapshotKey.keyId]),
    parts,
    nowMs,
    lifetimesMs: new Map([
      ['snapshot', 7 * day],
      ['timestamp', day],
    ]),
  });
  if (valid.snapshot === undefined) throw new Error('snapshot is the service to sign');
  const snapshot = await sign({ ...valid.snapshot, version: highest.snapshot + 1 }, snapshotKey);
  const timestamp = await sign(
    {
      ...valid.timestamp({
        version: highest.snapshot + 1,
        length: snapshot.length,
        sha256: sha256Hex(snapshot),
        sha512: sha512Hex(snapshot),
      }),
      version: highest.timestamp + 1,
    },
    timestampKey,
  );
  for (const [index, bytes] of chain.entries()) files.set(pathOf(repository, `${index + 1}.root`), bytes);
  files.set(pathOf(repository, `${chain.length + 1}.root`), fromBase64(update['root'] ?? ''));
  for (const { role, bytes } of [
    ...parts,
    { role: 'snapshot', bytes: snapshot },
    { role: 'timestamp', bytes: timestamp },
  ]) {
    files.set(pathOf(repository, role), bytes);
    files.set(pathOf(repository, `${role}.${sha256Hex(bytes)}`), bytes);
  }
}

function keyOf(repository: string, role: string) {
  const { publicRaw, signer } = ed25519FromSeed(sha256(Buffer.from(`service ${role} ${repository}`)));
  const object = ed25519KeyObject(publicRaw);
  return { object, keyId: keyIdOf(object), signer };
}

async function sign(draft: Draft, { keyId, signer }: ReturnType<typeof keyOf>): Promise<Uint8Array> {
  const message = notaryDialect.encode(draft);
  const value = await signer.sign(message);
  return notaryDialect.seal(message, [notaryDialect.toSignature(keyId, signer.scheme, value)]);
}

function summaryOf(repository: string) {
  return {
    repository,
    incarnation: 1,
    dialects: ['notary'],
    createdAt: '2026-11-21T09:00:00Z',
    versions: { root: 1 },
    expires: {},
    roles: {},
    tagCount: 0,
    rootSha256: '',
    openChanges: 0,
    problems: [],
  };
}
