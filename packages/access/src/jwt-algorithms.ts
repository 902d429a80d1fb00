/** Asymmetric ones alone: with HMAC, who can verify could sign; `none` signs nothing. */
export const jwtAlgorithms = [
  'ES256',
  'ES384',
  'RS256',
  'RS384',
  'RS512',
  'PS256',
  'PS384',
  'PS512',
  'EdDSA',
  'Ed25519',
] as const;
