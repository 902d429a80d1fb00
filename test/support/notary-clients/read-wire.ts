/** Reads of the Notary wire as nobody's client makes them: the bytes, unverified, for tests to look at. */

import { once } from 'node:events';
import type { IncomingMessage } from 'node:http';
import { request } from 'node:https';
import { z } from 'zod';

export interface WireServer {
  readonly url: string;
  readonly ca: string;
}

export interface WireAnswer {
  readonly status: number;
  readonly body: Buffer;
}

const documentSchema = z.looseObject({
  signed: z.looseObject({ version: z.int(), expires: z.string() }),
});

/** @param file - what comes after `/_trust/tuf/`, such as `root.json` */
export async function readWire(server: WireServer, repository: string, file: string): Promise<WireAnswer> {
  const url = new URL(`/v2/${repository}/_trust/tuf/${file}`, server.url);
  const outgoing = request(url, { ca: server.ca, agent: false });
  outgoing.end();
  const response = await new Promise<IncomingMessage>((resolve, reject) => {
    outgoing.once('response', resolve).once('error', reject);
  });
  const chunks: Buffer[] = [];
  response.on('data', (chunk: Buffer) => chunks.push(chunk));
  await once(response, 'end');
  return { status: response.statusCode ?? 0, body: Buffer.concat(chunks) };
}

/** The version of a current document; 0 when there is none. */
export async function wireVersion(server: WireServer, repository: string, role: string): Promise<number> {
  const { status, body } = await readWire(server, repository, `${role}.json`);
  if (status === 404) return 0;
  return documentSchema.parse(JSON.parse(body.toString('utf8'))).signed.version;
}
