/** When the certificates of Notary roots end. A file never changes: each root is read once while it is remembered. */
import { type Queries, trustHeads, trustMetadata } from '@vidimus/database';
import { rootCertificates } from '@vidimus/notary';
import { TufError } from '@vidimus/tuf';
import { and, eq, inArray } from 'drizzle-orm';
import { LRUCache } from 'lru-cache';
import { codecOf } from '../dialects.ts';
import { isFileOfHead } from '../store/metadata.ts';

/** Roots whose end stays in memory: two numbers each. */
const maxRemembered = 100_000;
/** Files read together; other work goes on between two such lots. */
const maxTogether = 100;
const maxRootBytes = 5_000_000;

/** A repository's current root in the `notary` dialect. */
export interface NotaryRoot {
  readonly repository: string;
  /** Hex SHA-256 of the file. */
  readonly sha256: string;
}

export interface CertificateEnds {
  /** By repository, milliseconds: when the first certificate of the root role ends. Roots without one are left out. */
  read(queries: Queries, roots: readonly NotaryRoot[]): Promise<ReadonlyMap<string, number>>;
}

export function createCertificateEnds(): CertificateEnds {
  const known = new LRUCache<string, number>({ max: maxRemembered });
  return {
    read: async (queries, roots) => {
      const unknown = roots.filter(({ sha256 }) => !known.has(sha256));
      for (let at = 0; at < unknown.length; at += maxTogether) {
        const names = unknown.slice(at, at + maxTogether).map(({ repository }) => repository);
        for (const { sha256, bytes } of await readRoots(queries, names)) known.set(sha256, endOf(bytes));
      }
      const ends = new Map<string, number>();
      for (const { repository, sha256 } of roots) {
        const end = known.get(sha256) ?? never;
        if (end !== never) ends.set(repository, end);
      }
      return ends;
    },
  };
}

const never = Number.POSITIVE_INFINITY;

function endOf(bytes: Uint8Array): number {
  const codec = codecOf('notary');
  try {
    const root = codec.decode('root', codec.open(bytes, maxRootBytes));
    return Math.min(...rootCertificates(root).map(({ leaf }) => leaf.notAfter));
  } catch (error) {
    // A root of plain keys has no end of this kind; one that is damaged is told elsewhere.
    if (error instanceof TufError) return never;
    throw error;
  }
}

async function readRoots(
  queries: Queries,
  repositories: readonly string[],
): Promise<readonly { readonly sha256: string; readonly bytes: Uint8Array }[]> {
  return await queries
    .select({ sha256: trustMetadata.sha256, bytes: trustMetadata.bytes })
    .from(trustHeads)
    .innerJoin(trustMetadata, isFileOfHead())
    .where(
      and(
        inArray(trustHeads.repository, [...repositories]),
        eq(trustHeads.dialect, 'notary'),
        eq(trustHeads.role, 'root'),
      ),
    );
}
