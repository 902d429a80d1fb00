/** What somebody between clients and server can serve with files of yesterday and the private key of a role. */
import { encodeCanonical, parseJson } from '@vidimus/canonical-json';
import { fromHex, toBase64, toHex } from '@vidimus/crypto';
import { z } from 'zod';
import type { DialectName, Person } from './people.ts';
import type { Rule, Served } from './relay.ts';

/** Path of a metadata file, taken apart; undefined for any other. */
function fileOf(path: string): { readonly dialect: DialectName; readonly role: string } | undefined {
  const tuf = /\/_trust\/metadata\/(?:\d+\.)?([a-z%0-9A-F]+)\.json$/.exec(path)?.[1];
  if (tuf !== undefined) return { dialect: 'tuf', role: decodeURIComponent(tuf) };
  const notary = /\/_trust\/tuf\/(?:\d+\.)?([a-z/]+?)(?:\.[0-9a-f]{64})?\.json$/.exec(path)?.[1];
  if (notary === undefined) return undefined;
  return { dialect: 'notary', role: notary.replace(/^targets\//, '') };
}

/** Every file as it was, but root as it is. */
export function serveYesterday(memory: ReadonlyMap<string, Served>): Rule {
  const kept = new Map(memory);
  return (path) => (fileOf(path)?.role === 'root' ? undefined : kept.get(path));
}

/** Every file as it is, but those of one role as they were, whatever version is asked for. */
export function mixInYesterday(memory: ReadonlyMap<string, Served>, role: string): Rule {
  const kept = new Map<string, Served>();
  for (const [path, served] of memory) {
    const file = fileOf(path);
    if (file?.role === role && served.status === 200) kept.set(file.dialect, served);
  }
  return (path) => {
    const file = fileOf(path);
    return file?.role === role ? kept.get(file.dialect) : undefined;
  };
}

const envelope = z.looseObject({
  signed: z.looseObject({ targets: z.record(z.string(), z.looseObject({})) }),
});

/** Every file as it is, but one role says that a tag is something else, and a thief signs it. */
export function forge(role: string, tag: string, digest: string, thief: Person): Rule {
  return (path, { status, bytes }) => {
    const file = fileOf(path);
    const key = thief.keys.find(({ dialect }) => dialect === file?.dialect);
    if (file?.role !== role || key === undefined || status !== 200) return undefined;
    const { signed } = envelope.parse(JSON.parse(Buffer.from(bytes).toString('utf8')));
    const hex = digest.slice('sha256:'.length);
    const sha256 = file.dialect === 'tuf' ? hex : toBase64(fromHex(hex));
    const lie = { ...signed, targets: { ...signed.targets, [tag]: { length: 100, hashes: { sha256 } } } };
    const message = canonical(lie);
    const made = key.sign(message);
    const signature =
      file.dialect === 'tuf'
        ? { keyid: key.keyId, sig: toHex(made) }
        : { keyid: key.keyId, method: 'eddsa', sig: toBase64(made) };
    return { status, bytes: canonical({ signatures: [signature], signed: lie }) };
  };
}

/** Of anything that JSON can say. */
export function canonical(value: unknown): Uint8Array {
  const bytes = Buffer.from(JSON.stringify(value));
  return encodeCanonical(parseJson(bytes, { maxBytes: bytes.length, maxDepth: 32 }));
}
