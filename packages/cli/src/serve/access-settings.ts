/** Who may call the service and what two must agree on: `oidc`, `mtls` and `approvals` under `service:`. */
import { readFileSync } from 'node:fs';
import {
  type CertificateCallers,
  certificateIdentitiesSchema,
  createCertificateCallers,
  createFetchDocument,
  createOidcCallers,
  globSchema,
  type OidcCallers,
  oidcSettingsSchema,
} from '@vidimus/access';
import { readCertificates } from '@vidimus/crypto';
import type { ApprovalRule } from '@vidimus/trust-server';
import { z } from 'zod';
import { CliError } from '../cli-error.ts';
import { besideConfig } from '../config/resolve-config.ts';
import { exitCodes } from '../exit-codes.ts';

const maxRules = 100;

const ruleSchema = z.strictObject({
  repositories: globSchema,
  /** `delete` a repository, change whom its `root` names, or `force` what would leave something unusable. */
  calls: z.array(z.enum(['delete', 'root', 'force'])).min(1),
  /** How many must agree, beside whoever asks. */
  approvers: z.int().min(1).max(10).default(1),
});

/** Members of `service:`. */
export const accessSettings = {
  oidc: oidcSettingsSchema.default([]),
  mtls: z
    .strictObject({
      /** PEM file of the authorities whose client certificates count. */
      ca: z.string().min(1),
      identities: certificateIdentitiesSchema,
    })
    .optional(),
  approvals: z.strictObject({ rules: z.array(ruleSchema).max(maxRules) }).default({ rules: [] }),
} as const;

const accessSchema = z.object(accessSettings);
export type AccessSettings = z.infer<typeof accessSchema>;

export interface AccessParts {
  readonly approvals: readonly ApprovalRule[];
  readonly oidc: OidcCallers;
  readonly certificates?: CertificateCallers;
  /** PEM of the authorities that the TLS layer asks client certificates of. */
  readonly clientAuthorities?: string;
}

/**
 * @param configFile - that relative paths start from
 * @throws CliError CONFIG_INVALID
 */
export function readAccess(
  { oidc, mtls, approvals }: AccessSettings,
  {
    configFile = '.',
    hasTls,
    now,
  }: { readonly configFile: string | undefined; readonly hasTls: boolean; readonly now: () => number },
): AccessParts {
  const callers = createOidcCallers({ issuers: oidc, fetchDocument: createFetchDocument(fetch), now });
  const parts = { approvals: approvals.rules, oidc: callers };
  if (mtls === undefined) return parts;
  if (!hasTls) throw invalid('service.mtls needs TLS', 'give --tls-cert and --tls-key');
  const clientAuthorities = readAuthorities(besideConfig(configFile, mtls.ca));
  return { ...parts, certificates: createCertificateCallers(mtls.identities, now), clientAuthorities };
}

function readAuthorities(file: string): string {
  try {
    const pem = readFileSync(file, 'utf8');
    // An empty list would make Node trust every public authority.
    if (readCertificates(pem).length > 0) return pem;
  } catch (cause) {
    throw invalid(`service.mtls.ca, ${file}: it cannot be read`, 'name certificates in PEM', cause);
  }
  throw invalid(`service.mtls.ca, ${file}: no certificate`, 'name certificates in PEM');
}

function invalid(message: string, hint: string, cause?: unknown): CliError {
  return new CliError('CONFIG_INVALID', exitCodes.usage, message, hint, { cause });
}
