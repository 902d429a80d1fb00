/** Recorded exchanges of real Notary clients with a Notary v1 server: their form on disk, and reading them. */
import { readdirSync, readFileSync } from 'node:fs';
import { z } from 'zod';

/** Bodies stand once each in `bodies.json`, named by their SHA-256 in hex. */
const bodyId = z.string().regex(/^[0-9a-f]{64}$/);

const uploadSchema = z.strictObject({
  boundary: z.string(),
  parts: z.array(z.strictObject({ filename: z.string(), body: bodyId })),
});

export const exchangeSchema = z.strictObject({
  method: z.enum(['GET', 'POST', 'DELETE']),
  path: z.string(),
  upload: uploadSchema.optional(),
  status: z.number().int(),
  /** The answer's Date header. */
  date: z.string(),
  answer: bodyId.optional(),
});

const vectors = new URL('../../../vectors/notary/captures/', import.meta.url);

export type Upload = z.infer<typeof uploadSchema>;
export type Exchange = z.infer<typeof exchangeSchema>;

export interface Captures {
  /** By the name of the client command; in the order in which they were recorded. */
  readonly exchanges: ReadonlyMap<string, readonly Exchange[]>;
  readonly bodies: ReadonlyMap<string, string>;
}

/** All recordings. */
export function readCaptures(): Captures {
  const bodies = z.record(bodyId, z.string()).parse(readJson('bodies.json'));
  const names = readdirSync(new URL('exchanges/', vectors)).sort();
  const exchanges = names.map((name): [string, readonly Exchange[]] => [
    name.replace(/\.json$/, ''),
    z.array(exchangeSchema).parse(readJson(`exchanges/${name}`)),
  ]);
  return { exchanges: new Map(exchanges), bodies: new Map(Object.entries(bodies)) };
}

/** The upload's body, byte for byte as the client sent it. */
export function multipartOf(upload: Upload, bodyOf: (id: string) => string | undefined): Buffer {
  const parts = upload.parts.map(({ filename, body }) =>
    [
      `--${upload.boundary}`,
      `Content-Disposition: form-data; name="files"; filename="${filename}"`,
      'Content-Type: application/octet-stream',
      '',
      `${bodyOf(body) ?? ''}`,
      '',
    ].join('\r\n'),
  );
  return Buffer.from(`${parts.join('')}--${upload.boundary}--\r\n`);
}

function readJson(name: string): unknown {
  return JSON.parse(readFileSync(new URL(name, vectors), 'utf8'));
}
