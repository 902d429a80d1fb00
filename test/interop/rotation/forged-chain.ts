/** A whole state of a repository that its own server never made: every file fits the next, as its keys would sign it. */
import { fromHex, sha256Hex, sha512Hex, toBase64, toHex } from '@vidimus/crypto';
import { z } from 'zod';
import { callService } from '../../support/service-calls.ts';
import { canonical } from './attacks.ts';
import type { DialectName } from './people.ts';
import type { Rule } from './relay.ts';

/** Anybody who signs; the thief's key and those of the service alike. */
export interface ChainKey {
  readonly dialect: DialectName;
  readonly keyId: string;
  readonly sign: (message: Uint8Array) => Uint8Array | Promise<Uint8Array>;
}

export interface ChainKeys {
  /** Of the role that lies; absent where only the timestamp is made anew. */
  readonly lying?: ChainKey;
  readonly snapshot?: ChainKey;
  readonly timestamp: ChainKey;
}

export interface Lie {
  readonly url: string;
  readonly repository: string;
  readonly role: string;
  readonly tag: string;
  /** `sha256:<hex>` */
  readonly digest: string;
}

const entry = z.record(z.string(), z.unknown());
const file = z.looseObject({
  signed: z.looseObject({
    version: z.int(),
    meta: z.record(z.string(), entry).optional(),
    targets: z.record(z.string(), entry).optional(),
  }),
});
type Signed = z.infer<typeof file>['signed'];

/** How a dialect names files, and writes hashes and signatures. */
interface Writing {
  readonly directory: string;
  listed(role: string): string;
  /** Where the present file of a role is. */
  present(role: string, version: number): string;
  /** Where a client looks for a file that is listed. */
  place(role: string, version: number, bytes: Uint8Array): string;
  hash(hex: string): string;
  /** As a parent lists a file, where it listed another one before. */
  meta(before: Readonly<Record<string, unknown>>, version: number, bytes: Uint8Array): object;
  signature(keyId: string, made: Uint8Array): object;
}

const writings: Readonly<Record<DialectName, Writing>> = {
  tuf: {
    directory: 'metadata',
    listed: (role) => `${role}.json`,
    present: (role, version) => `${version}.${role}.json`,
    place: (role, version) => `${version}.${role}.json`,
    hash: (hex) => hex,
    meta: (before, version, bytes) => ({
      ...before,
      version,
      ...('length' in before ? { length: bytes.length } : {}),
      ...('hashes' in before ? { hashes: { sha256: sha256Hex(bytes) } } : {}),
    }),
    signature: (keyid, made) => ({ keyid, sig: toHex(made) }),
  },
  notary: {
    directory: 'tuf',
    listed: toWire,
    present: (role) => `${toWire(role)}.json`,
    place: (role, _, bytes) => `${toWire(role)}.${sha256Hex(bytes)}.json`,
    hash: (hex) => toBase64(fromHex(hex)),
    meta: (_, __, bytes) => ({
      length: bytes.length,
      hashes: { sha256: toBase64(fromHex(sha256Hex(bytes))), sha512: toBase64(fromHex(sha512Hex(bytes))) },
    }),
    signature: (keyid, made) => ({ keyid, method: 'eddsa', sig: toBase64(made) }),
  },
};

function toWire(role: string): string {
  return role === 'releases' ? 'targets/releases' : role;
}

/** Serves it, in one dialect, to whoever asks; root stays what it is. */
export async function forgeChain(lie: Lie, dialect: DialectName, keys: ChainKeys): Promise<Rule> {
  const writing = writings[dialect];
  const base = `/v2/${lie.repository}/_trust/${writing.directory}/`;
  const read = async (name: string): Promise<Signed> =>
    file.parse((await callService(lie.url, 'GET', base + name)).body).signed;
  const seal = async (signed: Signed, { keyId, sign }: ChainKey): Promise<Uint8Array> => {
    const made = await sign(canonical(signed));
    return canonical({ signatures: [writing.signature(keyId, made)], signed });
  };
  const forged = new Map<string, Uint8Array>();
  /** The document above, listing a file that is served from now on. */
  const list = (above: Signed, role: string, version: number, bytes: Uint8Array): Signed => {
    const name = writing.listed(role);
    forged.set(base + writing.place(role, version, bytes), bytes);
    return {
      ...above,
      meta: { ...above.meta, [name]: entry.parse(writing.meta(above.meta?.[name] ?? {}, version, bytes)) },
    };
  };
  const next = (signed: Signed): Signed => ({ ...signed, version: signed.version + 1 });

  let timestamp = next(await read('timestamp.json'));
  if (keys.lying !== undefined && keys.snapshot !== undefined) {
    let snapshot = next(await read(writing.present('snapshot', versionOf(timestamp, 'snapshot.json'))));
    const lying = next(await read(writing.present(lie.role, versionOf(snapshot, `${lie.role}.json`))));
    const sha256 = writing.hash(lie.digest.slice('sha256:'.length));
    const targets = { ...lying.targets, [lie.tag]: { length: 100, hashes: { sha256 } } };
    const bytes = await seal({ ...lying, targets }, keys.lying);
    snapshot = list(snapshot, lie.role, lying.version, bytes);
    timestamp = list(timestamp, 'snapshot', snapshot.version, await seal(snapshot, keys.snapshot));
  }
  forged.set(`${base}timestamp.json`, await seal(timestamp, keys.timestamp));
  return (path) => {
    const bytes = forged.get(path);
    return bytes && { status: 200, bytes };
  };
}

/** The other dialect lists no versions, and asks for none. */
function versionOf({ meta }: Signed, name: string): number {
  return z.int().catch(0).parse(meta?.[name]?.['version']);
}
