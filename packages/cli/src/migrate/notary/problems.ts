/** What a migrated repository still needs, and the way out of every refusal. */
import type { ImportedState, ImportRefusal } from '@vidimus/trust-server';
import type { RepositoryResult } from './import-all.ts';
import type { KeyProblem } from './sql-history.ts';

export interface Problem {
  readonly code: string;
  readonly message: string;
  readonly fix: string;
}

export interface ProblemContext {
  /** A signer's database was given. */
  readonly hasSigner: boolean;
}

/** Of a repository that is here. Times are RFC 3339, for `withDistances`. */
export function problemsOf(
  { outcome, keyProblems, unreadable }: RepositoryResult,
  { hasSigner }: ProblemContext,
): readonly Problem[] {
  if (outcome.outcome === 'refused') return [];
  const { state } = outcome;
  const lost = state.custody.timestamp === 'elsewhere' ? [timestampLost(state)] : [];
  const unknown = state.custody.snapshot === 'elsewhere' && !hasSigner ? [snapshotUnknown(state)] : [];
  return [
    ...keyProblems.map((problem) => keyProblem(problem, state.repository)),
    ...lost,
    ...unknown,
    ...warnings(state),
    ...leftOut(state, unreadable),
  ];
}

/** What whoever runs the migration can do about a refusal. */
export function wayOut({ code }: ImportRefusal, repository: string): string {
  return Object.hasOwn(waysOut, code)
    ? (waysOut[code] ?? damaged).replaceAll('REPO', repository)
    : damaged.replaceAll('REPO', repository);
}

const damaged =
  'clients of the source refuse it, too: restore its rows from a backup there and run this again, or its owner makes it anew here (notary init REPO)';

const waysOut: Readonly<Record<string, string>> = {
  NAME_INVALID: 'its owner signs it under a name of the form host/path: notary init HOST/PATH',
  REPOSITORY_EXISTS: 'if the one here is not wanted, end it (DELETE /v2/REPO/_trust) and run this again',
  HISTORY_CHANGED: 'to take what is there now, end the copy here (DELETE /v2/REPO/_trust) and run this again',
  SOURCE_WENT_ON:
    'stop the other server, and publish here again what was published there; what is here stays as it is',
  BINDING:
    'its root certificate names another repository: its owner makes it anew under the right name (notary init)',
  LIMIT: 'it is larger than any client reads: its owner makes it anew here (notary init REPO)',
  DATABASE_REFUSED:
    'the embedded database takes 256 MiB of one repository: run the service on PostgreSQL (DATABASE_URL)',
};

function timestampLost({ repository, keyIds, expiresMs, final }: ImportedState): Problem {
  const when = final ? 'before that' : 'after --final and before that';
  return {
    code: 'TIMESTAMP_KEY_LOST',
    message: `the timestamp key ${shortIds(keyIds.timestamp)} did not come over: the timestamp expires ${printTime(expiresMs.timestamp)}`,
    fix: `${when} its owner runs: notary key rotate ${repository} timestamp -r`,
  };
}

/** A client cannot rotate both: each rotation is an upload that needs the other key. */
function snapshotUnknown({ repository, keyIds, custody }: ImportedState): Problem {
  const isAlone = custody.timestamp === 'service';
  return {
    code: 'SNAPSHOT_KEY_UNKNOWN',
    message: `the snapshot key ${shortIds(keyIds.snapshot)} did not come over: its owner may hold it`,
    fix: isAlone
      ? `if not, its owner runs: notary key rotate ${repository} snapshot -r`
      : 'if not, bring this one over with --signer-db, or with its root key: vidimus migrate dct --trust-dir DIR',
  };
}

function keyProblem({ keyId, refusal }: KeyProblem, repository: string): Problem {
  const name = `key ${shortIds([keyId])}`;
  switch (refusal.code) {
    case 'PASSPHRASE_MISSING':
      return {
        code: refusal.code,
        message: `${name} is sealed, and ${refusal.variable} is not set`,
        fix: `set ${refusal.variable} as notary-signer has it, and run this again`,
      };
    case 'PASSPHRASE_WRONG':
      return {
        code: refusal.code,
        message: `${name} does not open with ${refusal.variable}`,
        fix: `set ${refusal.variable} as notary-signer has it, and run this again`,
      };
    case 'KEY_OF_ANOTHER':
      return {
        code: refusal.code,
        message: `${name} is listed in its root, but was made for another repository`,
        fix: `its owner rotates it: notary key rotate ${repository} timestamp -r (or snapshot -r)`,
      };
    case 'KEY_UNREADABLE':
      return {
        code: refusal.code,
        message: `${name} is not as notary-signer stores keys`,
        fix: 'restore its row from a backup of the signer, or rotate the key here',
      };
  }
}

function warnings({ repository, warnings: found }: ImportedState): readonly Problem[] {
  return found.map(({ code, role, message, expiresMs }): Problem => {
    if (code === 'ROLE_UNSIGNED') {
      return {
        code,
        message: `${role} is not signed by the keys it has now: clients pass it over`,
        fix: `whoever holds one signs it again: notary witness -p ${repository} targets/${role}`,
      };
    }
    if (code === 'CERTIFICATE_INVALID') {
      return { code, message, fix: `its owner runs: notary key rotate ${repository} root` };
    }
    const when = expiresMs === undefined ? '' : ` ${printTime(expiresMs)}`;
    return {
      code,
      message: `${role} expired${when}: clients refuse it, as they did there`,
      fix: fixOfExpired(repository, role),
    };
  });
}

function fixOfExpired(repository: string, role: string): string {
  if (role === 'timestamp') return 'the service signs it anew after --final, if its key came over';
  if (role === 'root')
    return `its owner makes it anew: notary delete --remote ${repository}, notary init ${repository}`;
  if (role === 'snapshot') return `its owner publishes: notary publish ${repository}`;
  const name = role === 'targets' ? role : `targets/${role}`;
  return `its owner signs it again: notary witness -p ${repository} ${name}`;
}

function leftOut({ leftOut: versions }: ImportedState, unreadable: number): readonly Problem[] {
  const count = versions.length + unreadable;
  if (count === 0) return [];
  const [first] = versions;
  const example = first === undefined ? '' : `, among them ${first.role} ${first.version} (${first.code})`;
  return [
    {
      code: 'VERSIONS_LEFT_OUT',
      message: `${count} old ${count === 1 ? 'version does' : 'versions do'} not verify and stayed there${example}`,
      fix: 'nothing: no client asks for them; --json names them',
    },
  ];
}

/** First 12 hex digits of each. */
function shortIds(ids: readonly string[]): string {
  return ids.map((id) => id.slice(0, 12)).join(', ');
}

/** RFC 3339, seconds. */
export function printTime(ms: number): string {
  return `${new Date(ms).toISOString().slice(0, 19)}Z`;
}
