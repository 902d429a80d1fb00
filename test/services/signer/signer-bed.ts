/** A signer in a directory of its own, with a clock that tests set, and documents for it to judge. */
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { sha256, toBase64 } from '@vidimus/crypto';
import { type MadeKey, parseMasterKey, type SignRequest } from '@vidimus/key-store';
import { notaryDialect } from '@vidimus/notary';
import { createSigner, type Place, SignerError, type SignerService } from '@vidimus/signer';
import { type Draft, type Root, type Targets, type Timestamp, tufDialect } from '@vidimus/tuf';
import { afterAll } from 'vitest';

export const NOW = Date.UTC(2026, 10, 21, 12);
export const REPOSITORY = 'registry.example.com/team/app';
const HOUR = 3_600_000;

export interface SignerBed {
  readonly signer: SignerService;
  readonly directory: string;
  /** The lines of the audit log. */
  audit(): readonly Record<string, unknown>[];
  /** The same directory in a process that was started anew. */
  restart(config?: unknown): Promise<SignerBed>;
  readonly clock: { nowMs: number };
}

const master = (byte: number) => parseMasterKey(toBase64(sha256(Uint8Array.of(byte))));

export async function createSignerBed(config: unknown = {}, at?: string): Promise<SignerBed> {
  const directory = at ?? join(temporary(), 'signer');
  const clock = { nowMs: NOW };
  let calls = at === undefined ? 0 : 1_000_000;
  const signer = await createSigner({
    directory,
    random: (n) => {
      calls += 1;
      return new Uint8Array(
        Buffer.concat([sha256(Buffer.from(`${directory} ${calls}`)), sha256(Buffer.from(`${calls}`))]),
      ).slice(0, n);
    },
    now: () => clock.nowMs,
    master: master(1),
    rootMaster: master(2),
    config,
  });
  const path = join(directory, 'audit.jsonl');
  return {
    signer,
    directory,
    clock,
    audit: () =>
      readFileSync(path, 'utf8')
        .trimEnd()
        .split('\n')
        .map((line) => JSON.parse(line)),
    restart: (next = config) => createSignerBed(next, directory),
  };
}

function temporary(): string {
  const path = mkdtempSync(join(tmpdir(), 'vidimus-signer-'));
  afterAll(() => rmSync(path, { recursive: true, force: true }));
  return path;
}

export const place = (role: string, dialect: Place['dialect'] = 'tuf', repository = REPOSITORY): Place => ({
  repository,
  dialect,
  role,
});

/** What tests change in a document; times in hours from `NOW`. */
export interface Changes {
  readonly version?: number;
  readonly expiresIn?: number;
  readonly issuedIn?: number;
  readonly repository?: string;
  readonly role?: string;
}

function stamp(role: string, changes: Changes) {
  const { version = 1, expiresIn = 24, issuedIn = 0, repository = REPOSITORY } = changes;
  return {
    version,
    expires: NOW + expiresIn * HOUR,
    binding: { repository, role: changes.role ?? role, issued: NOW + issuedIn * HOUR },
  };
}

export function timestamp(changes: Changes & { readonly snapshot?: number } = {}): Uint8Array {
  const draft: Draft<Timestamp> = {
    kind: 'timestamp',
    ...stamp('timestamp', changes),
    snapshot: { version: changes.snapshot ?? 1 },
  };
  return tufDialect.encode(draft);
}

/** A Notary timestamp says nothing of its repository. */
export function notaryTimestamp(changes: Changes = {}): Uint8Array {
  const { version, expires } = stamp('timestamp', changes);
  return notaryDialect.encode({
    kind: 'timestamp',
    version,
    expires,
    binding: {},
    snapshot: { length: 10, hashes: new Map([['sha256', 'ab'.repeat(32)]]) },
  });
}

export function targets(
  changes: Changes & {
    readonly tags?: readonly string[];
    readonly delegates?: boolean;
    readonly of?: string;
  } = {},
): Uint8Array {
  const hashes = new Map([['sha256', 'cd'.repeat(32)]]);
  const draft: Draft<Targets> = {
    kind: 'targets',
    ...stamp(changes.of ?? 'targets', changes),
    targets: new Map((changes.tags ?? ['v1']).map((path) => [path, { path, length: 7, hashes }])),
    ...(changes.delegates === true
      ? {
          delegations: {
            keys: new Map(),
            roles: [
              { name: 'qa', keyIds: ['ab'.repeat(32)], threshold: 1, terminating: false, paths: ['*'] },
            ],
          },
        }
      : {}),
  };
  return tufDialect.encode(draft);
}

export function root(key: MadeKey, changes: Changes = {}): Uint8Array {
  const listed = tufDialect.toKey(tufKeyObject(key.publicHex));
  const roleKeys = { keyIds: [listed.keyId], threshold: 1 };
  const draft: Draft<Root> = {
    kind: 'root',
    ...stamp('root', { expiresIn: 24 * 365, ...changes }),
    consistentSnapshot: true,
    keys: new Map([[listed.keyId, listed]]),
    roles: { root: roleKeys, targets: roleKeys, snapshot: roleKeys, timestamp: roleKeys },
  };
  return tufDialect.encode(draft);
}

export function tufKeyObject(publicHex: string) {
  return { keytype: 'ed25519', scheme: 'ed25519', keyval: { public: publicHex } };
}

export function request(
  key: Pick<MadeKey, 'keyId'>,
  at: Place,
  document: Uint8Array,
  approvals: SignRequest['approvals'] = [],
): SignRequest {
  return { keyId: key.keyId, ...at, document: Buffer.from(document).toString('base64'), approvals };
}

/** The code of a refusal. */
export async function codeOf(work: () => Promise<unknown>): Promise<string> {
  try {
    await work();
  } catch (error) {
    if (error instanceof SignerError) return error.code;
    throw error;
  }
  return 'done';
}
