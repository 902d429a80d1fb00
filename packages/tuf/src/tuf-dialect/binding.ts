/** The signed `x-vidimus-*` members (DESIGN: "Bound to its repository"). */
import type { JsonObject, JsonValue } from '@vidimus/canonical-json';
import { isSha256Hex } from '@vidimus/crypto';
import type { Binding } from '../model.ts';
import { malformed, readInteger, readObject, readString } from './shape.ts';
import { formatTime, parseTime } from './time.ts';

const REPOSITORY = 'x-vidimus-repository';
const ROLE = 'x-vidimus-role';
const ISSUED = 'x-vidimus-issued';
const LOG = 'x-vidimus-log';

/** Reads what is there; whether it must be there, and what it must say, is `assertBinding`'s. */
export function decodeBinding(fields: JsonObject): Binding {
  return {
    ...(fields[REPOSITORY] === undefined ? {} : { repository: readString(fields[REPOSITORY], REPOSITORY) }),
    ...(fields[ROLE] === undefined ? {} : { role: readString(fields[ROLE], ROLE) }),
    ...(fields[ISSUED] === undefined ? {} : { issued: readTime(fields[ISSUED], ISSUED) }),
    ...(fields[LOG] === undefined ? {} : { log: readLog(fields[LOG]) }),
  };
}

/** The members to write; undefined ones are left out. */
export function encodeBinding(binding: Binding): Readonly<Record<string, JsonValue | undefined>> {
  const { repository, role, issued, log } = binding;
  return {
    [REPOSITORY]: repository,
    [ROLE]: role,
    [ISSUED]: issued === undefined ? undefined : formatTime(issued),
    [LOG]: log === undefined ? undefined : { size: log.size, hash: log.hash },
  };
}

/** A date at `at`, milliseconds since 1970. */
export function readTime(value: JsonValue | undefined, at: string): number {
  const ms = parseTime(readString(value, at));
  if (ms === undefined) throw malformed(at, 'not a date like 2030-01-31T12:00:00Z');
  return ms;
}

function readLog(value: JsonValue | undefined): { readonly size: number; readonly hash: string } {
  const log = readObject(value, LOG);
  const hash = readString(log['hash'], `${LOG}.hash`);
  if (!isSha256Hex(hash)) throw malformed(`${LOG}.hash`, 'not 64 lower-case hex characters');
  return { size: readInteger(log['size'], `${LOG}.size`, 0), hash };
}
