/** A repository in both dialects as its readers see it, and the keys that only the test can use. */
import { createHash } from 'node:crypto';
import type { JsonObject } from '@vidimus/canonical-json';
import {
  createRootCertificate,
  fromBase64,
  p256FromRandom,
  type Signer,
  signerFromPkcs8,
  toBase64,
} from '@vidimus/crypto';
import { keyIdOf, notaryDialect, x509KeyObject } from '@vidimus/notary';
import { type Listing, listTargets, type Reply, refresh, type Step, type TrustedState } from '@vidimus/tuf';
import type { Change, CreateRepository } from '../../../../services/trust-server/src/schemas/index.ts';
import { Client, type ClientKey, type CoreForTest, day, signRoot, startMs } from './core-for-test.ts';

export const dualManaged: CreateRepository = {
  dialects: ['tuf', 'notary'],
  roles: { root: { keys: [{ custody: 'managed' }] } },
};

/** A root key of the other dialect: P-256 with a self-signed certificate. */
export interface CertifiedKey {
  readonly keyId: string;
  readonly declared: JsonObject;
  readonly pkcs8: Uint8Array;
  readonly signer: Signer;
}

export interface CertificateTerms {
  readonly notBefore?: number;
  readonly notAfter?: number;
}

/** The same name and repository always give the same key; the certificate's signature differs. */
export async function certifiedKey(
  name: string,
  repository: string,
  terms: CertificateTerms = {},
): Promise<CertifiedKey> {
  const pkcs8 = p256FromRandom(createHash('sha384').update(name).digest());
  const certificate = await createRootCertificate({
    commonName: repository,
    notBefore: terms.notBefore ?? startMs,
    notAfter: terms.notAfter ?? startMs + 3_650 * day,
    serial: createHash('sha256').update(name).digest().subarray(0, 16),
    pkcs8,
  });
  const declared = x509KeyObject(certificate);
  return {
    keyId: keyIdOf(declared),
    declared,
    pkcs8,
    signer: signerFromPkcs8(pkcs8, 'ecdsa-sha256-p1363'),
  };
}

/** A creation whose root the client holds in both dialects. */
export function heldInBoth(
  tuf: readonly ClientKey[],
  notary: readonly CertifiedKey[],
  threshold = 1,
): CreateRepository {
  return {
    dialects: ['tuf', 'notary'],
    roles: {
      root: {
        threshold,
        keys: [
          ...tuf.map(({ declared }) => ({ custody: 'client' as const, key: declared })),
          ...notary.map(({ declared }) => ({
            custody: 'client' as const,
            dialect: 'notary' as const,
            key: declared,
          })),
        ],
      },
    },
  };
}

/** The signature of a key over the change's root in the `notary` dialect. */
export async function signNotaryRoot(change: Change, { keyId, signer }: CertifiedKey) {
  const document = change.documents.find(({ dialect }) => dialect === 'notary');
  if (document === undefined) throw new Error('no root to sign');
  const sig = toBase64(await signer.sign(fromBase64(document.toSign)));
  return { dialect: 'notary' as const, role: 'root', keyId, sig };
}

export { signRoot };

/** A client of the `notary` dialect with our own workflow and a cache in memory; it pins the root it first sees. */
export class NotaryReader {
  readonly #core: CoreForTest;
  readonly #repository: string;
  readonly #cache = new Map<string, Uint8Array>();
  #anchor: Uint8Array | undefined;

  constructor(core: CoreForTest, repository: string) {
    this.#core = core;
    this.#repository = repository;
  }

  async refresh(): Promise<TrustedState> {
    this.#anchor ??= (await this.#core.service.readNotary(this.#repository, { role: 'root' }))?.bytes;
    if (this.#anchor === undefined) throw new Error('no root');
    return await this.#drive(
      refresh({
        dialect: notaryDialect,
        repository: this.#repository,
        now: this.#core.clock.nowMs,
        anchor: { kind: 'root', bytes: this.#anchor },
        foreign: false,
      }),
    );
  }

  /** Every tag to its digest. */
  async targets(): Promise<Readonly<Record<string, string>>> {
    const listing: Listing = await this.#drive(listTargets(await this.refresh()));
    for (const { result } of listing.roles) if (result instanceof Error) throw result;
    for (const { error } of listing.refused) throw error;
    return Object.fromEntries(
      listing.targets.map(({ target }) => [target.path, `sha256:${target.hashes.get('sha256')}`]),
    );
  }

  async #drive<Result>(workflow: Generator<Step, Result, Reply>): Promise<Result> {
    let reply: Reply;
    for (;;) {
      const next = workflow.next(reply);
      if (next.done === true) return next.value;
      reply = await this.#answer(next.value);
    }
  }

  async #answer(step: Step): Promise<Reply> {
    if (step.do === 'warn') return undefined;
    if (step.do === 'fetch') {
      const { role, version, sha256 } = step;
      const question = {
        role,
        ...(version === undefined ? {} : { version }),
        ...(sha256 === undefined ? {} : { sha256 }),
      };
      return (await this.#core.service.readNotary(this.#repository, question))?.bytes;
    }
    const name = `${step.file.role} ${step.file.version ?? ''}`;
    if (step.do === 'load') return this.#cache.get(name);
    if (step.do === 'store') this.#cache.set(name, step.bytes);
    else this.#cache.delete(name);
    return undefined;
  }
}

/** Readers of both dialects, each with a warm cache after its first look. */
export class BothReaders {
  readonly tuf: Client;
  readonly notary: NotaryReader;

  private constructor(tuf: Client, notary: NotaryReader) {
    this.tuf = tuf;
    this.notary = notary;
  }

  static async open(core: CoreForTest, repository: string, rootVersion = 1): Promise<BothReaders> {
    const tuf = await new Client(core, repository).pin(rootVersion);
    return new BothReaders(tuf, new NotaryReader(core, repository));
  }

  /** What both say of every tag, checked to be the same; revoked digests, which one of them shows, are left out. */
  async tags(): Promise<Readonly<Record<string, string>>> {
    const [tuf, notary] = [await this.tuf.targets(), await this.notary.targets()];
    const tags = Object.fromEntries(Object.entries(tuf).filter(([path]) => !path.startsWith('sha256:')));
    const sorted = (seen: Readonly<Record<string, string>>): string =>
      JSON.stringify(Object.entries(seen).sort());
    if (sorted(tags) !== sorted(notary)) {
      throw new Error(`the dialects disagree: ${sorted(tags)} and ${sorted(notary)}`);
    }
    return notary;
  }
}
