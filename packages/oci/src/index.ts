/** Container registries and image layouts: read, proven by digest, pulled. */
export { type AuthorizationRequest, authorize, type Send } from './authorization.ts';
export { type Challenge, parseChallenge } from './challenge.ts';
export {
  chooseEntry,
  type ImageClosure,
  platformsOf,
  type ReadManifest,
  readAllClosures,
  readClosure,
  readPlatformClosures,
} from './closure.ts';
export { anonymous, type Credential, type FindCredential } from './credential.ts';
export { type CredentialFilesOptions, credentialsFromFiles, type Environment } from './credential-files.ts';
export { assertBytes, assertLength, type Descriptor, verifiedBytes } from './descriptor.ts';
export { agentOf, isLoopback, type RegistryOptions } from './endpoint.ts';
export { OciError, type OciErrorCode, type OciErrorDetail } from './errors.ts';
export { exchange } from './http-exchange.ts';
export { type Layout, type LayoutImage, openLayout } from './layout.ts';
export { createLayoutRegistry, type LayoutRegistry } from './layout-registry.ts';
export { DEFAULT_TIMEOUTS, MAX_MANIFEST_BYTES, type Timeouts } from './limits.ts';
export {
  type ImageIndex,
  type ImageManifest,
  type IndexEntry,
  type Manifest,
  parseManifest,
} from './manifest.ts';
export { DOCKER_INDEX, DOCKER_MANIFEST, documentKind, OCI_INDEX, OCI_MANIFEST } from './media-type.ts';
export { type PushTarget, placeInLayout, pushSmallImage } from './place-image.ts';
export { type PullProgress, type PullRequest, type PullResult, pullToLayout } from './pull.ts';
export { createRegistryClient, type RegistryClient } from './registry-client.ts';
export type { RegistryClientOptions, RegistryPing } from './registry-wire.ts';
export {
  documentsOf,
  type SmallImage,
  type SmallImageRequest,
  type SmallIndexEntry,
  smallImage,
  smallIndex,
} from './small-image.ts';
