/**
 * The root that hands a repository over: as the one before, but for timestamp and snapshot, whose keys are now the
 * service's. Signed by the root keys of the one before, so clients that have any root of the chain follow.
 */
import { CryptoError, createRootCertificate } from '@vidimus/crypto';
import { notaryDialect, x509KeyObject } from '@vidimus/notary';
import { type Draft, type Key, type Root, TufError, type Verified, verifyRootUpdate } from '@vidimus/tuf';
import { CliError } from '../../cli-error.ts';
import { exitCodes } from '../../exit-codes.ts';
import { certificateOf } from './describe-repository.ts';
import type { SigningRoleKey } from './find-keys.ts';
import { readLimits } from './notary-wire.ts';
import { sealWith } from './sign-document.ts';

/** As the Notary clients make roots and their certificates: ten years. */
const lifetimeMs = 10 * 365 * 86_400_000;
/** A certificate with less to live than this is made anew: clients warn from half a year on. */
const renewWithinMs = 180 * 86_400_000;
const serialBytes = 16;

export interface HandOver {
  readonly repository: string;
  readonly root: Verified<Root>;
  /** Root keys that are here; enough for the threshold. */
  readonly signers: readonly SigningRoleKey[];
  /** What our service signs with. */
  readonly service: { readonly timestamp: Key; readonly snapshot: Key };
  readonly nowMs: number;
  readonly random: (bytes: number) => Uint8Array;
}

/** @throws CliError CERTIFICATE_EXPIRED; TufError */
export async function handOverRoot(handOver: HandOver): Promise<Verified<Root>> {
  const { repository, root, signers, service, nowMs } = handOver;
  const before = root.document;
  const renewed = await renewCertificates(handOver);
  const rootKeys = before.roles.root.keyIds.map((keyId) => renewed.get(keyId) ?? before.keys.get(keyId));
  const keys = new Map<string, Key>();
  const keep = (key: Key | undefined): void => {
    if (key !== undefined) keys.set(key.keyId, key);
  };
  // A certificate that was replaced stays among the keys, as the clients leave it.
  for (const keyId of [...before.roles.root.keyIds, ...before.roles.targets.keyIds])
    keep(before.keys.get(keyId));
  for (const key of [...rootKeys, service.timestamp, service.snapshot]) keep(key);
  const draft: Draft<Root> = {
    ...before,
    version: before.version + 1,
    expires: nowMs + lifetimeMs,
    keys,
    roles: {
      ...before.roles,
      root: {
        ...before.roles.root,
        keyIds: rootKeys.flatMap((key) => key?.keyId ?? []),
      },
      timestamp: { keyIds: [service.timestamp.keyId], threshold: 1 },
      snapshot: { keyIds: [service.snapshot.keyId], threshold: 1 },
    },
  };
  const underNewIds = signers.flatMap((signer): readonly SigningRoleKey[] => {
    const key = renewed.get(signer.keyId);
    return key === undefined ? [] : [{ ...signer, key, keyId: key.keyId }];
  });
  const bytes = await sealWith(notaryDialect.encode(draft), [...signers, ...underNewIds]);
  const context = { dialect: notaryDialect, repository, foreign: true, limits: readLimits };
  const next = verifyRootUpdate(context, before, bytes);
  assertNow(next, nowMs);
  return next;
}

/** New certificates for the keys that are here, by the old key id, where the old ones end soon or have ended. */
async function renewCertificates({
  repository,
  signers,
  nowMs,
  random,
}: HandOver): Promise<ReadonlyMap<string, Key>> {
  const renewed = new Map<string, Key>();
  for (const { keyId, key, pkcs8 } of signers) {
    const certificate = certificateOf(key);
    if (certificate === undefined || certificate.notAfter > nowMs + renewWithinMs) continue;
    try {
      const pem = await createRootCertificate({
        commonName: repository,
        pkcs8,
        notBefore: nowMs,
        notAfter: nowMs + lifetimeMs,
        serial: random(serialBytes),
      });
      renewed.set(keyId, notaryDialect.toKey(x509KeyObject(pem)));
    } catch (error) {
      // Only elliptic keys sign certificates here; an RSA one may still be valid for a while.
      if (!(error instanceof CryptoError)) throw error;
    }
  }
  return renewed;
}

function assertNow(root: Verified<Root>, nowMs: number): void {
  try {
    notaryDialect.assertRootNow?.(root.document, nowMs, root.keyIds);
  } catch (cause) {
    if (!(cause instanceof TufError)) throw cause;
    throw new CliError(
      'CERTIFICATE_EXPIRED',
      exitCodes.denied,
      `clients refuse root: ${cause.message}`,
      'the private key of the certificate is needed here, on an elliptic curve, to make a new one',
      { cause },
    );
  }
}
