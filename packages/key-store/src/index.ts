export { KeyStoreError, type KeyStoreErrorCode, type KeyStoreErrorDetail } from './errors.ts';
export {
  type ClientKey,
  createFileKeyStore,
  type FileKeyStore,
  type FileKeyStoreParts,
} from './file-key-store.ts';
export type { KeyLabel } from './key-file.ts';
export type {
  HeldKey,
  KeyAlgorithm,
  KeyIdOf,
  KeyStore,
  MadeAlgorithm,
  PublicHalf,
  Random,
} from './key-store.ts';
export {
  assertMasterKey,
  createMasterKeyFile,
  type MasterKey,
  parseMasterKey,
  readMasterKeyFile,
} from './master-key.ts';
export { createMemoryKeyStore } from './memory-key-store.ts';
export type { PinSources, TokenName } from './pkcs11/pin.ts';
export {
  createPkcs11KeyStore,
  type Pkcs11Key,
  type Pkcs11KeyStore,
  type Pkcs11Parts,
} from './pkcs11/pkcs11-key-store.ts';
export { formatPkcs11Uri, isPkcs11Uri, type Pkcs11Uri, parsePkcs11Uri } from './pkcs11/uri.ts';
export {
  appendPrivateFile,
  createPrivateFile,
  ensurePrivateDirectory,
  readPrivateFile,
  removePrivateFile,
  replacePrivateFile,
} from './private-file.ts';
export { type Approval, approvalMessage } from './remote/approval.ts';
export {
  destroyRequestSchema,
  MAX_DOCUMENT_BYTES,
  MAX_SIGNER_BODY_BYTES,
  type MadeKey,
  madeKeySchema,
  makeKeyRequestSchema,
  type SignAnswer,
  type SignRequest,
  signAnswerSchema,
  signerPaths,
  signRequestSchema,
} from './remote/protocol.ts';
export {
  createRemoteKeyStore,
  type RemoteKey,
  type RemoteKeyStore,
  type RemoteKeyStoreParts,
  type RemotePlace,
  type SignerTarget,
} from './remote/remote-key-store.ts';
export type { SignedDocument } from './signed-record.ts';
export {
  createWrappedKeyStore,
  type KeyScope,
  type WrappedKey,
  type WrappedKeyStore,
  type WrappedKeyStoreParts,
} from './wrapped-key-store.ts';
