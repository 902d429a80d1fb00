/** What was foretold, as people read it (CONTRACTS C5). */
import type { KeyImpact, Needs, Verdict } from '../../schemas/index.ts';
import { printTime } from '../instants.ts';
import type { Break, Foretold, RoleAfter } from './foretell.ts';

/** What is known of the key and its repository beside the documents. */
export interface ImpactFacts {
  readonly keyId: string;
  readonly signer?: string;
  /** Key id to the name of its holder. */
  readonly signers: ReadonlyMap<string, string>;
  readonly openChanges: readonly string[];
  /** When the newest timestamp that clients may hold expires, milliseconds since 1970. */
  readonly timestampsExpireMs: number;
}

const needOf: Readonly<Record<Break, Exclude<Needs, 'nothing'>>> = {
  keys: 'replacement',
  unvouched: 'replacement',
  threshold: 'threshold',
  custodian: 'threshold',
  chain: 'force',
};

/** In the order in which they have to be answered. */
const needs: readonly Needs[] = ['replacement', 'threshold', 'force'];

export function toImpact(foretold: Foretold, facts: ImpactFacts): KeyImpact {
  const { roles, awaited, unsigned } = foretold;
  const named = new Set(roles.map(({ role }) => role));
  const broken = new Set(roles.flatMap(({ breaks }) => (breaks === undefined ? [] : [needOf[breaks]])));
  const tags = new Set(unsigned.flatMap((role) => role.tags));
  return {
    key: facts.keyId,
    ...(facts.signer === undefined ? {} : { signer: facts.signer }),
    roles: [...named].map((role) =>
      toRole(
        role,
        roles.filter((each) => each.role === role),
      ),
    ),
    tagsOnlyByThisKey: [...tags].sort(),
    openChanges: [...facts.openChanges],
    usable: broken.size === 0,
    needs: needs.find((need) => need !== 'nothing' && broken.has(need)) ?? 'nothing',
    waitsFor: toWaits([...awaited, ...unsigned], facts),
    clientsRefuseBy: printTime(facts.timestampsExpireMs),
  };
}

export function verdictOf({ usable, waitsFor }: KeyImpact): Verdict {
  if (!usable) return 'break';
  return waitsFor.length === 0 ? 'safe' : 'needSignatures';
}

/** A role has its own keys in each dialect: what is told is the worse of them. */
function toRole(role: string, dialects: readonly RoleAfter[]): KeyImpact['roles'][number] {
  return {
    role,
    dialects: dialects.map(({ dialect }) => dialect),
    threshold: Math.max(...dialects.map(({ threshold }) => threshold)),
    keysLeft: Math.min(...dialects.map(({ keys, newManaged }) => keys.length + newManaged)),
    breaks: dialects.some(({ breaks }) => breaks !== undefined),
  };
}

function toWaits(documents: Foretold['awaited'], { signers }: ImpactFacts): KeyImpact['waitsFor'] {
  const roles = [...new Set(documents.map(({ role }) => role))];
  return roles.map((role) => {
    const own = documents.filter((each) => each.role === role);
    const who = own.flatMap(({ keyIds }) => keyIds.map((keyId) => signers.get(keyId) ?? keyId));
    return {
      role,
      missing: Math.max(...own.map(({ missing }) => missing)),
      mayStillSign: [...new Set(who)].sort(),
    };
  });
}

/** What somebody can do about a revocation that would break the repository. */
export function wayOut({ needs: needed, roles }: KeyImpact): string {
  const names = roles.filter(({ breaks }) => breaks).map(({ role }) => role);
  switch (needed) {
    case 'replacement':
      return `give a replacement for ${names.join(', ')}: no key is left that could sign it`;
    case 'threshold':
      return `give a replacement, or the threshold that the keys left of ${names.join(', ')} can meet, or force`;
    case 'force':
      return (
        'the next root needs the signature of this key: with force its holder signs its end; if it is lost, sign a ' +
        'hand-over with the recovery keys (vidimus anchor handover) and create the repository anew'
      );
    default:
      return 'nothing breaks';
  }
}
