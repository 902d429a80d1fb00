/** What a change builds on: the versions of root and of the roles in its documents. */
import type { DialectName } from '@vidimus/tuf';
import { mainDialect } from '../dialects.ts';
import type { ChangeRow, StoredDocument } from '../store/changes.ts';
import { type Heads, headsIn } from '../store/metadata.ts';

/** A role as the members of `base` and `times.expires` name it: with its dialect where that is not the main one. */
export function baseName(dialects: readonly DialectName[], dialect: DialectName, role: string): string {
  return dialect === mainDialect(dialects) ? role : `${dialect}:${role}`;
}

/** 0 stands for a role that has no document yet. */
export function baseOf(
  dialects: readonly DialectName[],
  heads: Heads,
  documents: readonly Pick<StoredDocument, 'dialect' | 'role'>[],
): Readonly<Record<string, number>> {
  const base = new Map<string, number>();
  for (const { dialect, role } of documents) {
    for (const name of ['root', role]) {
      base.set(baseName(dialects, dialect, name), headsIn(heads, dialect).get(name)?.version ?? 0);
    }
  }
  return Object.fromEntries(base);
}

/** Whether something that the change builds on has moved since. */
export function hasMoved(dialects: readonly DialectName[], heads: Heads, change: ChangeRow): boolean {
  const now = baseOf(dialects, heads, change.documents);
  return Object.entries(change.base).some(([name, version]) => now[name] !== version);
}
