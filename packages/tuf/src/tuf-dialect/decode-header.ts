/** What every role has: specification, version, expiry, binding. */
import type { JsonObject } from '@vidimus/canonical-json';
import type { Binding } from '../model.ts';
import { decodeBinding, readTime } from './binding.ts';
import { malformed, readInteger, readString } from './shape.ts';

export interface Header {
  readonly version: number;
  readonly expires: number;
  readonly binding: Binding;
  readonly fields: JsonObject;
}

/** Two or three numeric parts, major version 1; "1", "1.2.a" and "2.0.0" are refused. */
const specVersion = /^1\.\d{1,9}(\.\d{1,9})?$/;

/** @throws TufError MALFORMED */
export function readHeader(fields: JsonObject): Header {
  if (!specVersion.test(readString(fields['spec_version'], 'spec_version'))) {
    throw malformed('spec_version', 'not a version 1 of the specification');
  }
  return {
    version: readInteger(fields['version'], 'version', 1),
    expires: readTime(fields['expires'], 'expires'),
    binding: decodeBinding(fields),
    fields,
  };
}
