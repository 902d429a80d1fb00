/** Writing objects over those of the version before, so that members nobody here knows live on. */
import { isJsonObject, type JsonObject, type JsonValue } from '@vidimus/canonical-json';

/** What is written; a member given as undefined is left out. */
export type Members = Readonly<Record<string, JsonValue | undefined>>;

/** An own member of an object; undefined for what is none. */
export function member(value: JsonValue | undefined, name: string): JsonValue | undefined {
  return isJsonObject(value) && Object.hasOwn(value, name) ? value[name] : undefined;
}

/** `members` written over `previous`: members of `previous` that are not named stay, those given as undefined go. */
export function over(previous: JsonValue | undefined, members: Members): JsonObject {
  const result: Record<string, JsonValue> = Object.create(null);
  if (isJsonObject(previous)) {
    for (const name of Object.keys(previous)) {
      const value = previous[name];
      if (value !== undefined && !Object.hasOwn(members, name)) result[name] = value;
    }
  }
  for (const [name, value] of Object.entries(members)) if (value !== undefined) result[name] = value;
  return result;
}

/** An object without prototype: `__proto__` is a key like any other. */
export function fromEntries<T>(
  entries: ReadonlyMap<string, T>,
  encodeEntry: (value: T, name: string) => JsonValue,
): JsonObject {
  const result: Record<string, JsonValue> = Object.create(null);
  for (const [name, value] of entries) result[name] = encodeEntry(value, name);
  return result;
}

/** Entries of a list of roles by their `name`. */
export function rolesByName(roles: JsonValue | undefined): ReadonlyMap<JsonValue | undefined, JsonValue> {
  return new Map(Array.isArray(roles) ? roles.map((role) => [member(role, 'name'), role]) : []);
}
