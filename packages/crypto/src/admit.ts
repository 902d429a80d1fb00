/** The admission gate: from numbers to a native key, so that no spelling of the input lives on in it. */
import type { KeyObject } from 'node:crypto';
import { type Curve, importEcPoint, P256, P384, P521 } from './ecdsa.ts';
import { importEd25519 } from './ed25519.ts';
import { importRsa } from './rsa.ts';
import type { KeyMaterial } from './spki.ts';

export type KeyKind = KeyMaterial['kind'];
export type CurveKind = 'p256' | 'p384' | 'p521';

export const CURVES: Readonly<Record<CurveKind, Curve>> = { p256: P256, p384: P384, p521: P521 };

/** @throws CryptoError KEY_INVALID or KEY_WEAK */
export function admit(material: KeyMaterial): KeyObject {
  switch (material.kind) {
    case 'ed25519':
      return importEd25519(material.raw);
    case 'rsa':
      return importRsa(material.modulus, material.exponent);
    default:
      return importEcPoint(material.point, CURVES[material.kind]);
  }
}
