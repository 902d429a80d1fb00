/** What strict JSON can hold. */

export type JsonValue = null | boolean | number | string | readonly JsonValue[] | JsonObject;

/** Keys are data: objects made by `parseJson` have no prototype, so `constructor` is only there when written. */
export interface JsonObject {
  readonly [key: string]: JsonValue;
}

/** Tells whether a value is an object: not null, not an array, not absent. */
export function isJsonObject(value: JsonValue | undefined): value is JsonObject {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}
