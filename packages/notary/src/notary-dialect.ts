/** The metadata of Notary v1: the dialect of `notary` and of Docker's content trust. */
import type { Dialect } from '@vidimus/tuf';
import { certifiedKeyIds } from './authority.ts';
import { decode } from './decode.ts';
import { assertChildren } from './decode-targets.ts';
import { dockerSearch } from './docker-search.ts';
import { encode } from './encode.ts';
import { open, seal, toSignature } from './envelope.ts';
import { toNotaryKey } from './key-entry.ts';
import { assertRootCertificates, assertRootCertificatesNow } from './root-certificates.ts';

export const notaryDialect: Dialect = {
  name: 'notary',
  filesBy: 'hash',
  bound: false,
  open,
  decode,
  encode,
  seal,
  toKey: (declared) => toNotaryKey(declared),
  toSignature,
  search: dockerSearch,
  assertRoot: assertRootCertificates,
  assertRootNow: assertRootCertificatesNow,
  assertTargets: assertChildren,
  certifiedKeyIds,
};
