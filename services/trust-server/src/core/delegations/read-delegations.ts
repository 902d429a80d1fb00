/** Delegations as they are now: who signs what, in the form in which they are asked for. */

import { toPathGlob } from '@vidimus/notary';
import { type DialectName, REVOCATIONS_ROLE } from '@vidimus/tuf';
import type { DelegationAnswer, KeyEntry } from '../../schemas/index.ts';
import { TrustError } from '../../service.ts';
import { printDuration, printTime } from '../instants.ts';
import { type RepositoryView, roleState } from '../read/repository-view.ts';
import { lifetimeOf } from '../read/summary.ts';
import { delegationTo, documentOf, lineTo, parentOf } from './delegation-tree.ts';
import { type NamedSigners, nameOf } from './signer-names.ts';

/** @throws TrustError ROLE_UNKNOWN */
export function toDelegationAnswer(
  view: RepositoryView,
  name: string,
  names: NamedSigners,
): DelegationAnswer {
  const { row, dialect, heads, targets } = view;
  const delegation =
    name === REVOCATIONS_ROLE || targets === undefined ? undefined : delegationTo({ ...view, targets }, name);
  const state = roleState(view, name);
  if (delegation === undefined || state === undefined || targets === undefined) {
    throw new TrustError('ROLE_UNKNOWN', `there is no delegation ${name}`, { role: name });
  }
  const keys = keysIn(view, name, names);
  const document = documentOf({ ...view, targets }, name);
  const head = document === undefined ? undefined : heads.get(name);
  const paths =
    delegation.paths ?? (delegation.pathPrefixes ?? []).map((prefix) => toPathGlob(prefix) ?? prefix);
  return {
    name,
    path: [...lineTo(name)],
    signers: toSigners(keys),
    threshold: state.threshold,
    paths: [...paths],
    terminating: delegation.terminating,
    expiresAfter: printDuration(lifetimeOf(row.settings, name, dialect)),
    custody: state.custody,
    keys: keys.map(({ keyId, signer, custody, dialect: of }) => ({ keyId, dialect: of, signer, custody })),
    tagCount: document?.targets.size ?? 0,
    ...(head === undefined ? {} : { version: head.version, expires: printTime(head.expiresMs) }),
  };
}

interface HeldKey {
  readonly keyId: string;
  readonly dialect: DialectName;
  readonly signer: string;
  readonly custody: 'managed' | 'client';
  readonly entry: KeyEntry;
}

function keysIn(view: RepositoryView, name: string, names: NamedSigners): readonly HeldKey[] {
  const { row, dialect, otherDocuments } = view;
  const managed = new Set(row.settings.managed);
  const other: DialectName = dialect === 'tuf' ? 'notary' : 'tuf';
  const places = [
    {
      dialect,
      documents: view.targets && {
        targets: view.targets,
        ...(view.delegated && { delegated: view.delegated }),
      },
    },
    { dialect: other, documents: otherDocuments },
  ];
  return places.flatMap(({ dialect: of, documents }) => {
    if (documents === undefined) return [];
    const known = documentOf(documents, parentOf(name))?.delegations?.keys;
    return (delegationTo(documents, name)?.keyIds ?? []).flatMap((keyId): HeldKey[] => {
      const key = known?.get(keyId);
      if (key === undefined) return [];
      const isOwn = managed.has(keyId);
      const entry: KeyEntry = isOwn
        ? { custody: 'managed' }
        : { custody: 'client', ...(of === 'tuf' ? {} : { dialect: of }), key: key.declared };
      return [
        { keyId, dialect: of, signer: nameOf(names, keyId), custody: isOwn ? 'managed' : 'client', entry },
      ];
    });
  });
}

/** A managed entry stands for a key in every dialect: it is told once. */
function toSigners(keys: readonly HeldKey[]): DelegationAnswer['signers'] {
  const signers = new Map<string, KeyEntry[]>();
  const [first] = keys;
  for (const { signer, dialect, custody, entry } of keys) {
    const entries = signers.get(signer) ?? [];
    signers.set(signer, entries);
    if (custody === 'client' || dialect === first?.dialect) entries.push(entry);
  }
  return Array.from(signers, ([name, entries]) => ({ name, keys: entries })).sort((a, b) =>
    a.name < b.name ? -1 : 1,
  );
}
