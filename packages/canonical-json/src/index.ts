export { encodeCanonical, encodeJson } from './encode.ts';
export { CanonicalJsonError, type CanonicalJsonErrorCode } from './errors.ts';
export { DEFAULT_MAX_VALUES, MAX_DEPTH, type ParseLimits, parseJson } from './parse.ts';
export { isJsonObject, type JsonObject, type JsonValue } from './value.ts';
