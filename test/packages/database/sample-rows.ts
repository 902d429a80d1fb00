/** Valid rows to insert and to spoil. */
import type {
  accessTokens,
  keyKeys,
  trustChangefeed,
  trustEvents,
  trustMetadata,
  trustRepositories,
} from '@vidimus/database';

/** A point in time for rows. */
export const someTime = new Date('2026-03-01T12:00:00.250Z');
/** 64 hex digits made of one digit. */
export const hex = (digit: string): string => digit.repeat(64);

/** A repository that has not ended. */
export function sampleRepository(repository: string): typeof trustRepositories.$inferInsert {
  const dialects = ['tuf'];
  return {
    repository,
    incarnation: 1,
    dialects,
    settings: { a: [1] },
    createdAt: someTime,
    logSize: 0,
    logHash: hex('0'),
  };
}

/** A document of that repository. */
export function sampleMetadata(
  repository: string,
  role: string,
  version: number,
): typeof trustMetadata.$inferInsert {
  return {
    repository,
    incarnation: 1,
    dialect: 'tuf',
    role,
    version,
    bytes: Uint8Array.of(0, 1, 254, 255),
    sha256: hex('a'),
    issuedAt: someTime,
    expiresAt: someTime,
  };
}

/** An event of that repository, or of the service. */
export function sampleEvent(repository: string | null, seq: number): typeof trustEvents.$inferInsert {
  return {
    id: `${repository}-${seq}`,
    repository,
    incarnation: repository === null ? null : 1,
    seq,
    at: someTime,
    action: 'tag.sign',
    actor: 'ci',
    result: 'done',
    prevHash: hex(String(seq - 1)),
    hash: hex(String(seq)),
  };
}

/** A managed key. */
export function sampleKey(repository: string): typeof keyKeys.$inferInsert {
  return {
    keyId: hex('b'),
    repository,
    incarnation: 1,
    role: 'targets',
    dialect: 'tuf',
    algorithm: 'ed25519',
    publicHex: hex('c'),
    wrapped: Uint8Array.of(1, 2, 3),
    masterFingerprint: 'f',
    createdAt: someTime,
  };
}

/** A line of the change feed. */
export function sampleChangeRecord(id: number): typeof trustChangefeed.$inferInsert {
  return { id, createdAt: someTime, repository: 'r', version: 1, sha256: hex('a'), category: 'update' };
}

/** An access token. */
export function sampleToken(id: string, hash: string): typeof accessTokens.$inferInsert {
  return {
    id,
    name: 'ci',
    hash,
    role: 'publisher',
    repositories: ['a/**'],
    createdAt: someTime,
    bootstrap: false,
  };
}
