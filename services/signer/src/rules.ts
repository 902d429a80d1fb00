/** What an operator demands of the documents this signer signs: how long they live, and whose approval they need. */
import { CryptoError, type PublicKey, type SignatureScheme, toPublicKey } from '@vidimus/crypto';
import { z } from 'zod';
import { SignerError } from './errors.ts';

const DAY_MS = 86_400_000;
const MAX_DAYS = 3_650;
const MAX_RULES = 100;
const MAX_APPROVERS = 16;

const days = z.number().positive().max(MAX_DAYS);

const ruleSchema = z
  .strictObject({
    /** Names, `prefix/**` for a prefix and all below it, as globs have it everywhere, `**` for all. */
    repositories: z.array(z.string().min(1).max(255)).min(1).max(MAX_RULES),
    /** `targets`: any edit of targets and delegated roles; `delegations`: those that change who may sign. */
    edits: z.array(z.enum(['root', 'targets', 'delegations'])).min(1),
    approvers: z
      .array(z.strictObject({ name: z.string().min(1).max(64), publicKey: z.string().max(4096) }))
      .min(1)
      .max(MAX_APPROVERS),
    threshold: z.int().min(1).default(1),
  })
  .refine(({ approvers, threshold }) => threshold <= approvers.length, 'the threshold exceeds the approvers');

/** The key `signer:` of the configuration file. */
export const signerConfigSchema = z.strictObject({
  /** The longest life of a document by role; delegated roles go by `targets`. */
  maxDays: z
    .strictObject({
      root: days.default(MAX_DAYS),
      targets: days.default(3 * 365),
      snapshot: days.default(3 * 365),
      timestamp: days.default(31),
    })
    .prefault({}),
  approvals: z.array(ruleSchema).max(MAX_RULES).default([]),
});

export type SignerConfig = z.input<typeof signerConfigSchema>;

export type EditKind = 'root' | 'targets' | 'delegations';

export interface ApprovalRule {
  readonly covers: (repository: string) => boolean;
  readonly edits: ReadonlySet<EditKind>;
  /** By material id; no two of one key. */
  readonly approvers: ReadonlyMap<string, { readonly name: string; readonly key: PublicKey }>;
  readonly threshold: number;
}

export interface Rules {
  /** Milliseconds by kind of document. */
  readonly maxLifetimeMs: Readonly<Record<'root' | 'targets' | 'snapshot' | 'timestamp', number>>;
  readonly approvals: readonly ApprovalRule[];
}

/** @throws SignerError CONFIG_INVALID */
export function toRules(config: unknown): Rules {
  const parsed = signerConfigSchema.safeParse(config);
  if (!parsed.success) throw new SignerError('CONFIG_INVALID', z.prettifyError(parsed.error));
  const { maxDays, approvals } = parsed.data;
  return {
    maxLifetimeMs: {
      root: maxDays.root * DAY_MS,
      targets: maxDays.targets * DAY_MS,
      snapshot: maxDays.snapshot * DAY_MS,
      timestamp: maxDays.timestamp * DAY_MS,
    },
    approvals: approvals.map(({ repositories, edits, approvers, threshold }) => {
      const keys = new Map(
        approvers.map(({ name, publicKey }) => {
          const key = admit(name, publicKey);
          return [key.materialId, { name, key }];
        }),
      );
      if (keys.size < approvers.length) {
        throw new SignerError('CONFIG_INVALID', 'two approvers have one key: one person could approve twice');
      }
      return { covers: toCovers(repositories), edits: new Set(edits), approvers: keys, threshold };
    }),
  };
}

function toCovers(patterns: readonly string[]): (repository: string) => boolean {
  for (const pattern of patterns) {
    // A pattern that means nothing would leave repositories without the approvals they should have.
    if (pattern !== '**' && pattern.replace(/\/\*\*$/, '').includes('*')) {
      throw new SignerError('CONFIG_INVALID', `${pattern}: only ** at the end stands for names`);
    }
  }
  return (repository) =>
    patterns.some(
      (pattern) =>
        pattern === '**' ||
        pattern === repository ||
        (pattern.endsWith('/**') && `${repository}/`.startsWith(pattern.slice(0, -2))),
    );
}

function admit(name: string, text: string): PublicKey {
  for (const scheme of ['ed25519', 'ecdsa-sha2-nistp256'] satisfies readonly SignatureScheme[]) {
    try {
      return toPublicKey({ format: 'spki-pem', text }, scheme);
    } catch (error) {
      if (!(error instanceof CryptoError)) throw error;
    }
  }
  throw new SignerError('CONFIG_INVALID', `the public key of ${name} is no PEM of an Ed25519 or P-256 key`);
}
