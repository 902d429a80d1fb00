/** Gives a repository of Notary clients the `tuf` dialect over REST, with its owner's root key. */
import { fromBase64, signerFromPkcs8, toHex } from '@vidimus/crypto';
import { z } from 'zod';
import { ADMIN_TOKEN } from '../service-process.ts';
import { callTrust, type TrustOrigin } from './call-trust.ts';

const proposed = z.object({
  change: z.object({
    id: z.string(),
    documents: z
      .array(
        z.object({
          toSign: z.string(),
          thresholds: z.array(z.object({ keyIds: z.array(z.string()).length(1) })).length(1),
        }),
      )
      .length(1),
  }),
});

/** @param rootKey - PKCS#8 (DER) of its only root key, on P-256 */
export async function mirrorInTuf(
  server: TrustOrigin,
  repository: string,
  rootKey: Uint8Array,
): Promise<void> {
  const path = `/v2/${repository}/_trust`;
  const asked = await callTrust(server, path, {
    method: 'PATCH',
    token: ADMIN_TOKEN,
    body: { dialects: ['tuf', 'notary'] },
  });
  if (asked.status !== 202) throw new Error(`not proposed: ${asked.bytes}`);
  const { change } = proposed.parse(JSON.parse(asked.bytes.toString('utf8')));
  const signer = signerFromPkcs8(rootKey, 'ecdsa-sha2-nistp256');
  const signatures = await Promise.all(
    change.documents.map(async ({ toSign, thresholds }) => ({
      dialect: 'tuf',
      role: 'root',
      keyId: thresholds[0]?.keyIds[0],
      sig: toHex(await signer.sign(fromBase64(toSign))),
    })),
  );
  const signed = await callTrust(server, `${path}/changes/${change.id}/signatures`, {
    method: 'POST',
    token: ADMIN_TOKEN,
    body: { signatures },
  });
  if (signed.status !== 200) throw new Error(`not published: ${signed.bytes}`);
}
