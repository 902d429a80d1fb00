/** A root as a change proposes it: the bytes to sign, whose signatures it needs, and until when. */
import { sha256Hex, toBase64 } from '@vidimus/crypto';
import type { DialectName, Draft, Root } from '@vidimus/tuf';
import { codecOf } from '../dialects.ts';
import { toWholeSecond } from '../instants.ts';
import type { ChangeRow, StoredDocument } from '../store/changes.ts';

/** CONTRACTS C5. */
const changeLifetimeMs = 7 * 86_400_000;

export interface ProposedRoot {
  readonly dialect: DialectName;
  readonly root: Draft<Root>;
  /** The root that it follows. */
  readonly previous?: Root;
}

/** A root that follows another one needs the threshold of both (TUF 1.0.34 section 6.1). */
export function toRootDocument({ dialect, root, previous }: ProposedRoot): StoredDocument {
  const message = codecOf(dialect).encode(root);
  const asked = ({ roles }: Draft<Root>) => ({
    threshold: roles.root.threshold,
    keyIds: [...roles.root.keyIds],
  });
  return {
    dialect,
    role: 'root',
    version: root.version,
    toSign: toBase64(message),
    sha256: sha256Hex(message),
    thresholds:
      previous === undefined
        ? [{ of: 'role', ...asked(root) }]
        : [
            { of: 'previous', ...asked(previous) },
            { of: 'new', ...asked(root) },
          ],
  };
}

/** A root that has expired cannot be published: its change is over by then. */
export function changeExpiry(nowMs: number, rootExpiresMs: number): number {
  return Math.min(toWholeSecond(nowMs) + changeLifetimeMs, rootExpiresMs);
}

/** Changes that proposed another document for one of the same versions and came to nothing. */
export function deadFor(dead: readonly ChangeRow[], documents: readonly StoredDocument[]): readonly string[] {
  const nameOf = ({ dialect, role, version }: StoredDocument): string => `${dialect} ${role} ${version}`;
  const names = new Set(documents.map(nameOf));
  return dead
    .filter((change) => change.documents.some((each) => names.has(nameOf(each))))
    .map(({ id }) => id);
}
