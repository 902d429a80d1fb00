/** TUF 1.0.x as JSON files: the dialect of standard TUF clients. */
import type { Dialect } from '../dialect.ts';
import { searchTarget } from '../target-search.ts';
import { decode } from './decode.ts';
import { encode } from './encode.ts';
import { open, seal } from './envelope.ts';
import { toTufKey } from './key-entry.ts';

export const tufDialect: Dialect = {
  name: 'tuf',
  filesBy: 'version',
  bound: true,
  open,
  decode,
  encode,
  seal,
  toKey: (declared) => toTufKey(declared),
  toSignature: (keyId, _scheme, value) => ({ keyId, value }),
  search: searchTarget,
};
