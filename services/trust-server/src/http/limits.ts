/** What one request may cost. Checked before anything is parsed; named here so that they can be read at once. */

/** Path and query together; every legal name, tag and cursor fits. */
export const maxTargetBytes = 2_048;
/** All request headers together; given to the listener. */
export const maxHeaderBytes = 16_384;
export const maxBodyBytes = 1_048_576;
/** `POST /tags` with 10,000 tags of 64-byte names takes about 3 MB. */
export const maxBatchBodyBytes = 8_388_608;
/** `POST /imports`: a repository of 200,000 tags in base64. */
export const maxImportBodyBytes = 33_554_432;
export const maxBodyDepth = 32;
export const maxBodyValues = 400_000;
/** A manifest served under `/targets/` (CONTRACTS C3). */
export const maxManifestBytes = 4_194_304;
/** An upload on the Notary wire: 300,000 tags in one role take about 30 MB. */
export const maxUploadBytes = 33_554_432;
/** All uploads under way: each is in memory up to three times while it is taken apart. */
export const maxUploadsBytes = 67_108_864;
export const maxUploadParts = 1_000;
export const maxPartHeaderBytes = 4_096;
/** Shorter than the listener's own, so that the client hears why. */
export const uploadTimeoutMs = 30_000;
/** Records of the change feed in one answer; the peer has no bound. */
export const maxChangefeedRecords = 1_000;
/** Files below this are sent as they are: a packet is a packet. */
export const minGzipBytes = 1_024;
export const defaultPageSize = 100;
export const maxPageSize = 1_000;
export const maxCursorLength = 1_024;

/** Requests that may be under way at once, by what they cost; beyond it BUSY. */
export const concurrency = {
  /** Answers from the database. */
  read: 256,
  /** Queue on a repository's lock, each with a body of up to 1 MiB. */
  edit: 128,
  /** Up to 8 MiB each before validation. */
  batch: 8,
  /** Up to 32 MiB each before validation, and again decoded. */
  import: 2,
  /** Uploads on the Notary wire; `maxUploadsBytes` bounds what they hold. */
  upload: 128,
  /** Asks a registry, up to 4 MiB each. */
  manifest: 16,
} as const;

/** Failed authentications per address before 429, and the time in which one is forgiven. */
export const failedAuthentications = { burst: 20, forgiveMs: 3_000, maxAddresses: 10_000 } as const;

/** How long the answer to an `Idempotency-Key` is kept (CONTRACTS C2). */
export const idempotencyMs = 86_400_000;
/** After this a request that never answered (its process died) may be made again. */
export const idempotencyLeaseMs = 300_000;
