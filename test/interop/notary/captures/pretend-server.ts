/** Just enough of the Notary wire for a real client to meet `validateUpdate`: one repository, plain HTTP, in memory. */
import { createServer, type IncomingMessage, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { sha256Hex } from '@vidimus/crypto';
import { NotaryError, toModelRole, toWireError, type UpdatePart } from '@vidimus/notary';
import {
  type PretendService,
  snapshotKey,
  timestampKey,
} from '../../../packages/notary/update/pretend-service.ts';
import { canonical } from '../../../packages/notary/update/wire-client.ts';

export interface PretendServer {
  readonly url: string;
  close(): Promise<void>;
}

interface Answer {
  readonly status: number;
  readonly body: Uint8Array | string;
}

const missing: Answer = {
  status: 404,
  body: '{"errors":[{"code":"METADATA_NOT_FOUND","message":"missing"}]}\n',
};

/** Serves on a free port of 127.0.0.1. */
export async function servePretended(service: PretendService): Promise<PretendServer> {
  const server = createServer((request, response) => {
    void answer(service, request).then(({ status, body }) => response.writeHead(status).end(body));
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  return { url: `http://127.0.0.1:${portOf(server)}`, close: () => closed(server) };
}

async function answer(service: PretendService, request: IncomingMessage): Promise<Answer> {
  const rest = /\/_trust\/tuf\/(.*)$/.exec(request.url ?? '')?.[1];
  if (rest === undefined) return { status: 200, body: '{}' };
  if (rest === 'timestamp.key') return { status: 200, body: canonical(timestampKey.object) };
  if (rest === 'snapshot.key') return { status: 200, body: canonical(snapshotKey.object) };
  if (request.method === 'POST') return publish(service, request);
  const [, role = '', hash] = /^(.+?)(?:\.([0-9a-f]{64}))?\.json$/.exec(rest) ?? [];
  const bytes = service.stored.get(isRole(role) ? toModelRole(role) : '');
  if (bytes === undefined || (hash !== undefined && hash !== sha256Hex(bytes))) return missing;
  return { status: 200, body: bytes };
}

async function publish(service: PretendService, request: IncomingMessage): Promise<Answer> {
  const chunks: Buffer[] = [];
  for await (const chunk of request) chunks.push(Buffer.from(chunk));
  const boundary = /boundary=(\w+)/.exec(request.headers['content-type'] ?? '')?.[1] ?? '';
  try {
    service.publish({}, { parts: partsOf(Buffer.concat(chunks), boundary), nowMs: Date.now() });
    return { status: 200, body: '' };
  } catch (error) {
    if (error instanceof NotaryError) return toWireError(error);
    throw error;
  }
}

function partsOf(body: Buffer, boundary: string): readonly UpdatePart[] {
  const pieces = body.toString('latin1').split(`--${boundary}`).slice(1, -1);
  return pieces.map((piece) => {
    const end = piece.indexOf('\r\n\r\n');
    const role = /filename="([^"]*)"/.exec(piece)?.[1] ?? '';
    return { role, bytes: Buffer.from(piece.slice(end + 4, -2), 'latin1') };
  });
}

function isRole(role: string): boolean {
  return /^(root|targets|snapshot|timestamp)$|^targets\//.test(role);
}

function portOf(server: Server): number {
  const address: AddressInfo | string | null = server.address();
  if (address === null || typeof address === 'string') throw new Error('not listening');
  return address.port;
}

function closed(server: Server): Promise<void> {
  server.closeAllConnections();
  return new Promise((resolve) => server.close(() => resolve()));
}
