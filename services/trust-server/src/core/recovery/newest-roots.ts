/** The roots that a backup does not have: supplied, each verified by the one before it, and stored. */
import { fromBase64, sha256Hex } from '@vidimus/crypto';
import { type Queries, trustHeads, trustMetadata } from '@vidimus/database';
import { DEFAULT_LIMITS, type DialectName, type Root, TufError, verifyRootUpdate } from '@vidimus/tuf';
import { and, eq } from 'drizzle-orm';
import type { RecoverRepository } from '../../schemas/index.ts';
import { TrustError } from '../../service.ts';
import { codecOf } from '../dialects.ts';
import { toWholeSecond } from '../instants.ts';
import { resignAfter } from '../publish/resign-after.ts';
import type { Head, Incarnation } from '../store/metadata.ts';

export interface RootPlace {
  readonly at: Incarnation;
  readonly dialect: DialectName;
  readonly head: Head;
  /** As restored. */
  readonly root: Root;
  /** Key ids that the service can use. */
  readonly managed: ReadonlySet<string>;
  readonly nowMs: number;
}

/**
 * The newest root, once the supplied ones are stored.
 * @throws TrustError SIGNATURE_INVALID, VERSION_UNCERTAIN when it is not the one that is said to be the newest
 */
export async function takeRoots(tx: Queries, place: RootPlace, body: RecoverRepository): Promise<Root> {
  const { at, dialect } = place;
  let newest = place.root;
  let sha256 = place.head.sha256;
  for (const text of body.roots?.[dialect] ?? []) {
    const bytes = fromBase64(text);
    newest = verifyNext(place, newest, bytes);
    sha256 = sha256Hex(bytes);
    await store(tx, place, newest, bytes, sha256);
  }
  const said = body.newestRoot[dialect];
  if (said?.version === newest.version && said.sha256 === sha256) return newest;
  throw new TrustError(
    'VERSION_UNCERTAIN',
    said === undefined
      ? `say which root of the dialect ${dialect} is the newest that anybody has seen`
      : `root ${newest.version} is here, root ${said.version} is said to be the newest: supply what is between, or that very file`,
    { repository: at.repository, dialect, version: newest.version, sha256 },
  );
}

function verifyNext({ at, dialect }: RootPlace, previous: Root, bytes: Uint8Array): Root {
  const context = {
    dialect: codecOf(dialect),
    repository: at.repository,
    foreign: false,
    limits: DEFAULT_LIMITS,
  };
  try {
    return verifyRootUpdate(context, previous, bytes).document;
  } catch (cause) {
    if (!(cause instanceof TufError)) throw cause;
    throw new TrustError(
      'SIGNATURE_INVALID',
      `a root does not follow root ${previous.version}: ${cause.message}`,
      { dialect, role: 'root' },
      { cause },
    );
  }
}

async function store(
  tx: Queries,
  { at, dialect, managed, nowMs }: RootPlace,
  root: Root,
  bytes: Uint8Array,
  sha256: string,
): Promise<void> {
  const { repository, incarnation } = at;
  const { version, expires: expiresMs } = root;
  const issuedMs = root.binding.issued ?? toWholeSecond(nowMs);
  const { keyIds, threshold } = root.roles.root;
  const isManaged = keyIds.filter((keyId) => managed.has(keyId)).length >= threshold;
  const due = isManaged ? resignAfter(repository, { role: 'root', issuedMs, expiresMs }) : undefined;
  const expiresAt = new Date(expiresMs);
  await tx.insert(trustMetadata).values({
    repository,
    incarnation,
    dialect,
    role: 'root',
    version,
    bytes,
    sha256,
    issuedAt: new Date(issuedMs),
    expiresAt,
  });
  await tx
    .update(trustHeads)
    .set({
      version,
      sha256,
      expiresAt,
      resignAfter: due === undefined ? null : new Date(due.resignAfterMs),
    })
    .where(
      and(
        eq(trustHeads.repository, repository),
        eq(trustHeads.incarnation, incarnation),
        eq(trustHeads.dialect, dialect),
        eq(trustHeads.role, 'root'),
      ),
    );
}
