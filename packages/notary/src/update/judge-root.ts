/** The root of an upload, or the stored one under which it is judged. */
import {
  assertNotExpired,
  type Root,
  TufError,
  type Verified,
  verifyRoot,
  verifyRootUpdate,
  verifyThreshold,
} from '@vidimus/tuf';
import { NotaryError } from '../errors.ts';
import { MAX_FIRST_VERSION } from './limits.ts';
import { judging, refusal } from './refusal.ts';
import {
  type AcceptedFile,
  accept,
  alreadyPublished,
  storedDocument,
  type UpdateContext,
} from './update-context.ts';
import { assertUsableRoot } from './usable.ts';

const untrusted = 'could not validate the path to a trusted root';

export interface JudgedRoot {
  /** The root after the upload. */
  readonly root: Root;
  /** Absent when the stored one stays. */
  readonly accepted?: AcceptedFile;
}

/** @throws NotaryError */
export function judgeRoot(context: UpdateContext): JudgedRoot {
  const stored = storedDocument(context, 'root', 'root');
  const bytes = context.parts.get('root');
  if (bytes !== undefined)
    return judging(context, 'root', bytes, () => judgeUploaded(context, stored, bytes));
  if (stored === undefined) {
    throw new NotaryError('INVALID_UPDATE', 'no pre-existing root and no root provided in update.');
  }
  // Nothing is signed under an expired root: clients could not read it.
  judging(context, 'root', new Uint8Array(), () => assertCurrent(context, stored));
  return { root: stored };
}

function judgeUploaded(context: UpdateContext, stored: Root | undefined, bytes: Uint8Array): JudgedRoot {
  const file = stored === undefined ? verifyFirst(context, bytes) : verifyNext(context, stored, bytes);
  assertUsableRoot(file.document);
  const accepted = accept(context, file, stored);
  assertCurrent(context, file.document, file.keyIds);
  return { root: file.document, accepted };
}

function verifyFirst(context: UpdateContext, bytes: Uint8Array): Verified<Root> {
  const file = verifyOwn(context, bytes);
  const { version } = file.document;
  if (version > MAX_FIRST_VERSION) throw notIncremented(1, version);
  return file;
}

/** TUF 5.3.4, 5.3.5: signed as the stored root says and as it says itself, exactly one version later. */
function verifyNext(context: UpdateContext, stored: Root, bytes: Uint8Array): Verified<Root> {
  try {
    return verifyRootUpdate(context, stored, bytes);
  } catch (error) {
    if (!(error instanceof TufError)) throw error;
    if (error.code === 'THRESHOLD') assertSignedByStored(context, stored, bytes);
    const { document } = verifyOwn(context, bytes);
    throw error.code === 'VERSION' ? wrongVersion(stored, document) : error;
  }
}

/** Whoever has no key of the stored root has brought all the others: they are not asked, there may be many. */
function assertSignedByStored({ dialect, limits }: UpdateContext, stored: Root, bytes: Uint8Array): void {
  const envelope = dialect.open(bytes, limits.rootBytes);
  try {
    verifyThreshold(envelope, stored.keys, stored.roles.root, 'root');
  } catch (error) {
    const root = dialect.decode('root', envelope);
    if (root.version <= stored.version) throw wrongVersion(stored, root);
    throw refusal(
      'root',
      'could not rotate trust to a new trusted root: failed to validate data with current trusted certificates',
      error,
    );
  }
}

function verifyOwn(context: UpdateContext, bytes: Uint8Array): Verified<Root> {
  try {
    return verifyRoot(context, bytes);
  } catch (error) {
    if (!(error instanceof TufError)) throw error;
    if (error.code === 'THRESHOLD') {
      throw refusal('root', `${untrusted}: failed to validate integrity of roots`, error);
    }
    // Its root keys are no certificates, or not for this repository.
    const isBadKey = error.code === 'BINDING' || error.detail['at'] === 'roles.root';
    if (isBadKey) {
      throw refusal(
        'root',
        `${untrusted}: unable to retrieve valid leaf certificates: ${error.message}`,
        error,
      );
    }
    throw error;
  }
}

/** A version that is there already is a lost race; any other is a mistake. */
function wrongVersion(stored: Root, { version }: Root): NotaryError {
  return version === stored.version
    ? alreadyPublished('root', version)
    : notIncremented(stored.version, version);
}

function notIncremented(current: number, version: number): NotaryError {
  return refusal('root', `Root modifications must increment the version. Current ${current}, new ${version}`);
}

/** Neither it nor the certificates it rests on are expired. */
function assertCurrent({ dialect, nowMs }: UpdateContext, root: Root, signedBy?: readonly string[]): void {
  assertNotExpired('root', root, nowMs);
  dialect.assertRootNow?.(root, nowMs, signedBy);
}
