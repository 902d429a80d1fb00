/**
 * Who presents a client certificate. The TLS layer has verified its chain to the configured authority; here it is only
 * compared, exactly, with the names in the configuration. It never comes in a header.
 */
import { X509Certificate } from 'node:crypto';
import { z } from 'zod';
import { toActorName } from './actor-name.ts';
import { toIdentity } from './identity.ts';
import { globListSchema } from './oidc/oidc-settings.ts';
import type { Identity } from './permissions.ts';
import { grantableRoleSchema } from './roles.ts';

const maxNameLength = 255;
const maxIdentities = 1_000;

const nameSchema = z.string().min(1).max(maxNameLength);
const grantSchema = { role: grantableRoleSchema, repositories: globListSchema };

/** One alternative name (`DNS:ci.example.com`, `URI:spiffe://…`, `email:…`), or the whole subject, `CN=ci,O=Acme`. */
export const certificateIdentitySchema = z.union([
  z.strictObject({
    san: nameSchema.regex(/^(DNS|URI|email):[!-~]+$/, 'must be DNS:…, URI:… or email:…'),
    ...grantSchema,
  }),
  z.strictObject({
    subject: nameSchema.regex(/^[A-Za-z0-9.]+=/, 'must be like CN=ci,O=Acme'),
    ...grantSchema,
  }),
]);
export type CertificateIdentity = z.infer<typeof certificateIdentitySchema>;

export const certificateIdentitiesSchema = z.array(certificateIdentitySchema).min(1).max(maxIdentities);

export interface CertificateCallers {
  /** Undefined for a certificate that is out of its time, or that nobody listed. @param der - verified by TLS */
  identify(der: Uint8Array): Identity | undefined;
}

/** @param now - milliseconds since 1970 */
export function createCertificateCallers(
  identities: readonly CertificateIdentity[],
  now: () => number,
): CertificateCallers {
  const known = identities.map((entry) => {
    const name = 'san' in entry ? entry.san : entry.subject;
    const actor = `mtls:${toActorName(name, maxNameLength)}`;
    return { entry, identity: toIdentity(actor, entry.role, entry.repositories) };
  });
  return {
    identify(der) {
      const certificate = new X509Certificate(der);
      // Connections outlive certificates, and sessions are resumed without showing one again.
      const nowMs = now();
      if (nowMs < Date.parse(certificate.validFrom) || nowMs > Date.parse(certificate.validTo))
        return undefined;
      const sans = parseAlternativeNames(certificate.subjectAltName ?? '');
      const subject = certificate.subject.split('\n').join(',');
      return known.find(({ entry }) =>
        'san' in entry ? sans.includes(entry.san) : entry.subject === subject,
      )?.identity;
    },
  };
}

/**
 * Node prints the names in one line, separated by comma and blank, and quotes as JSON those that hold a separator
 * themselves. A list that cannot be read without doubt names nobody.
 */
export function parseAlternativeNames(text: string): readonly string[] {
  const names: string[] = [];
  const pattern = /([A-Za-z ]+):("(?:[^"\\]|\\.)*"|[^",]*)(?:, |$)/y;
  while (pattern.lastIndex < text.length) {
    const [, type, value] = pattern.exec(text) ?? [];
    if (type === undefined || value === undefined) return [];
    if (!value.startsWith('"')) names.push(`${type}:${value}`);
  }
  return names;
}
