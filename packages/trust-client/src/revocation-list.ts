/** The role `revocations` as an answer: which digests are revoked, or that nobody can say. */
import { isDigest } from '@vidimus/reference';
import { type Signed, type Target, type Targets, TufError } from '@vidimus/tuf';
import { z } from 'zod';
import { TrustClientError } from './errors.ts';

export interface RevokedDigest {
  /** `sha256:<hex>` */
  readonly digest: string;
  /** As the signers wrote it: text from outside. */
  readonly reason?: string;
  readonly link?: string;
  readonly at?: string;
}

export type RevocationList =
  /** Verified: a digest that is not in `entries` is not revoked. */
  | {
      readonly status: 'known';
      /** By digest. */
      readonly entries: ReadonlyMap<string, RevokedDigest>;
      readonly version: number;
      /** Milliseconds since 1970. */
      readonly expires: number;
    }
  /** Listed but missing, expired, badly signed or rolled back, or the server is away: refuse. */
  | { readonly status: 'unknown'; readonly code: string; readonly message: string }
  /**
   * No such list: a foreign repository that has no such role, or a dialect without it, where a revoked digest shows
   * as the absence of its tags, and for the rest the organisation's list speaks.
   */
  | { readonly status: 'absent'; readonly because?: 'dialect' | 'foreign' };

/**
 * Asks for the role and turns what hinders into an answer. Without the role a repository of ours is unknown,
 * not clean: the role is there from version 1 on, so somebody took it away.
 */
export async function toRevocationList(
  read: () => Promise<Signed<Targets> | undefined>,
  foreign: boolean,
): Promise<RevocationList> {
  try {
    const role = await read();
    if (role !== undefined) return known(role.document);
    if (foreign) return { status: 'absent', because: 'foreign' };
    return { status: 'unknown', code: 'ROLE_UNKNOWN', message: 'targets does not delegate revocations' };
  } catch (error) {
    if (error instanceof TufError || error instanceof TrustClientError) {
      return { status: 'unknown', code: error.code, message: error.message };
    }
    throw error;
  }
}

function known(document: Targets): RevocationList {
  const entries = new Map<string, RevokedDigest>();
  for (const target of document.targets.values()) {
    // In upper case, or of another algorithm, it would be found by no look-up: somebody meant a digest by it.
    if (!target.path.startsWith('sha256:') || !isDigest(target.path)) {
      return {
        status: 'unknown',
        code: 'MALFORMED',
        message: 'revocations names something else than a digest',
      };
    }
    entries.set(target.path, toEntry(target));
  }
  return { status: 'known', entries, version: document.version, expires: document.expires };
}

const CustomSchema = z.object({
  reason: z.string().optional().catch(undefined),
  link: z.string().optional().catch(undefined),
  at: z.string().optional().catch(undefined),
});

/** A listed digest is revoked whatever else its entry says: odd text must not lift it. */
function toEntry(target: Target): RevokedDigest {
  const custom = CustomSchema.safeParse(target.custom ?? {});
  const { reason, link, at } = custom.success ? custom.data : {};
  return { digest: target.path, ...(reason && { reason }), ...(link && { link }), ...(at && { at }) };
}
