/** The library that speaks to tokens, and our way of calling it: loaded when first needed, one call at a time. */
import type * as Pkcs11js from 'pkcs11js';
import { KeyStoreError, type KeyStoreErrorCode } from '../errors.ts';

export type Pkcs11Names = typeof Pkcs11js;

export interface Pkcs11Library {
  /** Constants of the standard by name. */
  readonly names: Pkcs11Names;
  readonly module: Pkcs11js.PKCS11;
  close(): void;
}

/**
 * Modules initialised in this process, by path, and how many stores use each: a module knows one initialisation for a
 * whole process, and the last to leave ends it. Written by `initialize` and `finalize` alone, which never wait.
 */
const inUse = new Map<string, number>();

/** Return values that say more than that the token failed; PKCS #11 3.0 section 5.1. */
const CODES: Readonly<Record<string, KeyStoreErrorCode>> = {
  CKR_PIN_INCORRECT: 'PIN_WRONG',
  CKR_PIN_INVALID: 'PIN_WRONG',
  CKR_PIN_LEN_RANGE: 'PIN_WRONG',
};

/** @throws KeyStoreError MODULE_UNAVAILABLE */
export async function loadLibrary(path: string | undefined): Promise<Pkcs11Library> {
  if (path === undefined || path === '') {
    throw new KeyStoreError(
      'MODULE_UNAVAILABLE',
      'no PKCS#11 module is named: set VIDIMUS_PKCS11_MODULE, or module-path in the URI',
    );
  }
  const names = await loadBinding();
  const module = new names.PKCS11();
  try {
    module.load(path);
  } catch (cause) {
    throw new KeyStoreError(
      'MODULE_UNAVAILABLE',
      `the PKCS#11 module ${path} cannot be loaded`,
      { path },
      { cause },
    );
  }
  initialize(module, path);
  return {
    names,
    module,
    close: () => {
      finalize(module, path);
      module.close();
    },
  };
}

/**
 * Runs a call of the module; what it throws becomes an error of ours that names the call's return value alone.
 * @throws KeyStoreError TOKEN_UNAVAILABLE or PIN_WRONG
 */
export async function calling<T>(call: () => T | Promise<T>): Promise<T> {
  try {
    return await call();
  } catch (cause) {
    if (cause instanceof KeyStoreError) throw cause;
    const value = returnValueOf(cause);
    const code = CODES[value] ?? 'TOKEN_UNAVAILABLE';
    throw new KeyStoreError(code, `the token answered ${value}`, { value }, { cause });
  }
}

/** The name of a failed call's return value, such as CKR_PIN_LOCKED. */
export function returnValueOf(error: unknown): string {
  const name = error instanceof Error ? /\bCKR_[A-Z0-9_]+/.exec(error.message)?.[0] : undefined;
  return name ?? 'CKR_GENERAL_ERROR';
}

/** An optional dependency with native code: programs without tokens do without it. */
async function loadBinding(): Promise<Pkcs11Names> {
  try {
    const binding = await import('pkcs11js');
    return binding.default;
  } catch (cause) {
    throw new KeyStoreError(
      'MODULE_UNAVAILABLE',
      'the package pkcs11js is not installed: keys on tokens need it (npm install pkcs11js)',
      {},
      { cause },
    );
  }
}

/** @throws KeyStoreError MODULE_UNAVAILABLE */
function initialize(module: Pkcs11js.PKCS11, path: string): void {
  const users = inUse.get(path);
  if (users !== undefined) {
    inUse.set(path, users + 1);
    return;
  }
  try {
    module.C_Initialize();
    inUse.set(path, 1);
  } catch (cause) {
    // Somebody else's, in this process: theirs to end.
    if (returnValueOf(cause) === 'CKR_CRYPTOKI_ALREADY_INITIALIZED') return;
    module.close();
    throw new KeyStoreError(
      'MODULE_UNAVAILABLE',
      `the PKCS#11 module ${path} does not start`,
      { path },
      { cause },
    );
  }
}

function finalize(module: Pkcs11js.PKCS11, path: string): void {
  const users = inUse.get(path);
  if (users === undefined) return;
  if (users > 1) {
    inUse.set(path, users - 1);
    return;
  }
  inUse.delete(path);
  module.C_Finalize();
}
