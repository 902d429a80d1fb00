/** Refusals in the words of the peer, which people search for, under the headings that its clients know. */
import { CanonicalJsonError, isJsonObject } from '@vidimus/canonical-json';
import { TufError } from '@vidimus/tuf';
import { NotaryError, type RefusalKind } from '../errors.ts';
import { toNotaryRole } from '../role-name.ts';
import { formatGoTime } from './go-time.ts';
import type { UpdateContext } from './update-context.ts';

/** The refusal of a file of `role` (model name). */
export function refusal(role: string, message: string, cause?: unknown): NotaryError {
  const options = cause === undefined ? undefined : { cause };
  return new NotaryError(
    'INVALID_UPDATE',
    message,
    { kind: kindOf(role), role: toNotaryRole(role) },
    options,
  );
}

/** The refusal of a file whose contents no client could use. */
export function invalidMetadata(role: string, why: string, cause?: unknown): NotaryError {
  return refusal(role, `${toNotaryRole(role)} type metadata invalid: ${why}`, cause);
}

/** Runs the checks of one uploaded file; what breaks the rules of TUF becomes a refusal of that file. */
export function judging<T>(context: UpdateContext, role: string, bytes: Uint8Array, judge: () => T): T {
  try {
    return judge();
  } catch (error) {
    if (error instanceof TufError) throw toRefusal(context, role, bytes, error);
    throw error;
  }
}

function kindOf(role: string): RefusalKind {
  if (role === 'root') return 'ErrBadRoot';
  return role === 'snapshot' ? 'ErrBadSnapshot' : 'ErrBadTargets';
}

function toRefusal(context: UpdateContext, role: string, bytes: Uint8Array, error: TufError): NotaryError {
  const name = toNotaryRole(role);
  const inner = error.cause instanceof TufError ? error.cause : error;
  switch (error.code) {
    case 'THRESHOLD':
      return refusal(
        role,
        `valid signatures did not meet threshold for ${name}${hint(context, bytes)}`,
        error,
      );
    case 'EXPIRED': {
      const { expires } = error.detail;
      const when = typeof expires === 'number' ? ` at ${formatGoTime(expires)}` : `: ${inner.message}`;
      return refusal(role, `${name} expired${when}`, error);
    }
    case 'WRONG_TYPE':
      return invalidMetadata(role, inner.message, error);
    case 'MALFORMED':
      return toMalformed(context, role, bytes, inner);
    default:
      return refusal(role, `${name}: ${inner.message}`, error);
  }
}

/** `notary add --custom` signs what it was given, and sends something else: issue 1411 of its project. */
function hint(context: UpdateContext, bytes: Uint8Array): string {
  const { targets } = context.dialect.open(bytes, bytes.length).signed;
  const entries = isJsonObject(targets) ? Object.values(targets) : [];
  const hasCustom = entries.some((target) => isJsonObject(target) && Object.hasOwn(target, 'custom'));
  return hasCustom
    ? '; custom data must be canonical JSON: sorted keys, integers, no space, no escapes, none of < > &'
    : '';
}

function toMalformed(context: UpdateContext, role: string, bytes: Uint8Array, error: TufError): NotaryError {
  const json = error.cause instanceof CanonicalJsonError ? error.cause : undefined;
  if (json === undefined ? isBadHeader(context, bytes, error) : isBadJson(bytes, json)) {
    const detail = { kind: kindOf(role), role: toNotaryRole(role) };
    return new NotaryError('MALFORMED_JSON', `${toNotaryRole(role)}: ${error.message}`, detail, {
      cause: error,
    });
  }
  if (json !== undefined) {
    const why = 'numbers must be integers up to 2^53 - 1, or clients could not check the signature';
    return refusal(role, `${toNotaryRole(role)}: ${why} (${json.message})`, error);
  }
  return invalidMetadata(role, error.message, error);
}

/** A number without canonical form breaks the signature, not the file; a version must be an integer to be read at all. */
function isBadJson(bytes: Uint8Array, { code, offset = 0 }: CanonicalJsonError): boolean {
  if (code !== 'NUMBER') return true;
  const before = new TextDecoder().decode(bytes).slice(Math.max(0, offset - 64), offset);
  return /"version"\s*:\s*$/.test(before);
}

function isBadHeader(context: UpdateContext, bytes: Uint8Array, error: TufError): boolean {
  const { at } = error.detail;
  if (at === 'expires') return true;
  if (at !== 'version') return false;
  const { signed } = context.dialect.open(bytes, bytes.length);
  return !isJsonObject(signed) || !Number.isSafeInteger(signed['version']);
}
