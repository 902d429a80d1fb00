/** The signer: holds private keys, and signs role metadata that it has read and judged. It listens nowhere itself. */
import { join } from 'node:path';
import { toBase64 } from '@vidimus/crypto';
import {
  ensurePrivateDirectory,
  type MadeAlgorithm,
  type MadeKey,
  type MasterKey,
  type Random,
  type SignAnswer,
  type SignRequest,
  signAnswerSchema,
} from '@vidimus/key-store';
import { type AuditEntry, openAuditLog } from './audit-log.ts';
import { type Place, readDocument, signsRole } from './document.ts';
import { SignerError } from './errors.ts';
import { judge } from './judge.ts';
import { createKeyHome, type HomeKey } from './key-home.ts';
import { toRules } from './rules.ts';
import { createSignedRecord, MAX_ROOT_CHARACTERS } from './signed-record.ts';

export interface SignerParts {
  /** Made with mode 0700 when it is missing; one process at a time may use it, which the caller sees to. */
  readonly directory: string;
  readonly random: Random;
  /** Milliseconds since 1970. */
  readonly now: () => number;
  readonly master: MasterKey;
  /** Seals the keys of root. */
  readonly rootMaster?: MasterKey;
  /** As `signerConfigSchema` says. */
  readonly config?: unknown;
}

/** Every method writes what it did, or why it refused, into the audit log before it answers. */
export interface SignerService {
  /** Makes a key and registers it for one repository, role and dialect. @throws SignerError */
  makeKey(place: Place, algorithm?: MadeAlgorithm): Promise<MadeKey>;
  /** Signs a document for which the key is registered. @throws SignerError */
  sign(request: SignRequest): Promise<SignAnswer>;
  /** Ends a key for good; what it signed stays on record. @throws SignerError KEY_UNKNOWN or KEY_SCOPE */
  destroyKey(keyId: string, repository: string): Promise<void>;
  /** Writes down a request that never reached the methods above. */
  refused(code: string): Promise<void>;
}

/** @throws SignerError CONFIG_INVALID or RECORD_UNUSABLE; KeyStoreError FILE_UNSAFE */
export async function createSigner(parts: SignerParts): Promise<SignerService> {
  const rules = toRules(parts.config ?? {});
  const keysDirectory = join(parts.directory, 'keys');
  await ensurePrivateDirectory(parts.directory);
  await ensurePrivateDirectory(keysDirectory);
  const audit = await openAuditLog({ ...parts, path: join(parts.directory, 'audit.jsonl') });
  const home = createKeyHome({ ...parts, directory: keysDirectory });
  const record = createSignedRecord(keysDirectory, parts.random);
  const inTurn = createTurns();
  await audit.append({ event: 'started' });

  /** `about` may learn more while the work goes on. */
  async function audited<T>(about: About, work: () => Promise<T>): Promise<T> {
    try {
      return await work();
    } catch (error) {
      const code = error instanceof SignerError ? error.code : 'INTERNAL';
      await audit.append({ event: 'refused', code, ...about });
      throw error;
    }
  }

  async function find(keyId: string): Promise<HomeKey> {
    const key = await home.find(keyId);
    if (key !== undefined) return key;
    throw new SignerError('KEY_UNKNOWN', 'the signer has no key of this id', { keyId });
  }

  async function sign(
    { keyId, document, approvals, ...place }: SignRequest,
    about: About,
  ): Promise<SignAnswer> {
    const key = await find(keyId);
    assertScope(key, place);
    const message = new Uint8Array(Buffer.from(document, 'base64'));
    const read = readDocument(message, place);
    const { version } = read.document;
    const { sha256, content, delegations } = read;
    Object.assign(about, { version, sha256 });
    const before = await record.last(keyId, place.role);
    const judged = judge({ place, read, before, approvals, rules, nowMs: parts.now() });
    if (judged.repeats !== undefined) {
      await audit.append({ event: 'repeated', ...about });
      const { scheme, signature } = judged.repeats;
      return { keyId, scheme, signature };
    }
    const signer = await key.open();
    const signature = await signer.sign(message);
    if (!signer.publicKey.verify(message, signature)) {
      throw new SignerError('INTERNAL', 'the signature does not verify', { keyId });
    }
    const answer = signAnswerSchema.parse({ keyId, scheme: signer.scheme, signature: toBase64(signature) });
    const { scheme } = answer;
    // On disk before it leaves: whatever happens now, no other document of this version is signed.
    await record.add(keyId, place.role, {
      version,
      sha256,
      content,
      delegations,
      scheme,
      signature: answer.signature,
      ...(read.kind === 'root' && document.length <= MAX_ROOT_CHARACTERS ? { document } : {}),
    });
    await audit.append({ event: 'signed', ...about, approvedBy: judged.approvedBy });
    return answer;
  }

  return {
    makeKey: async (place, algorithm) =>
      await audited(toAbout(place), async () => {
        const made = await home.make(place, algorithm, record.begin);
        await audit.append({ event: 'made', ...toAbout(place), keyId: made.keyId });
        return made;
      }),
    sign: async (request) => {
      const about: About = { keyId: request.keyId, ...toAbout(request) };
      // One key's documents one after another: two of one version never race.
      return await inTurn(request.keyId, () => audited(about, () => sign(request, about)));
    },
    destroyKey: async (keyId, repository) => {
      const about = { keyId, repository };
      await inTurn(keyId, () =>
        audited(about, async () => {
          const { made } = await find(keyId);
          if (made.repository !== repository) throw outOfScope(keyId);
          await home.destroy(keyId);
          await audit.append({ event: 'destroyed', ...about });
        }),
      );
    },
    refused: async (code) => await audit.append({ event: 'refused', code }),
  };
}

type About = Omit<AuditEntry, 'event'>;

function toAbout({ repository, dialect, role }: Place): About {
  return { repository, dialect, role };
}

function assertScope({ made }: HomeKey, place: Place): void {
  const isThere = made.repository === place.repository && made.dialect === place.dialect;
  if (!isThere || !signsRole(made.role, place)) throw outOfScope(made.keyId);
}

function outOfScope(keyId: string): SignerError {
  return new SignerError('KEY_SCOPE', 'the key is registered for another repository, role or dialect', {
    keyId,
  });
}

/** One queue a key; an entry goes when nobody waits in it. */
function createTurns(): <T>(key: string, work: () => Promise<T>) => Promise<T> {
  const last = new Map<string, Promise<unknown>>();
  return async (key, work) => {
    const turn = (last.get(key) ?? Promise.resolve()).then(work);
    const settled = turn.catch(() => undefined);
    last.set(key, settled);
    try {
      return await turn;
    } finally {
      if (last.get(key) === settled) last.delete(key);
    }
  };
}
