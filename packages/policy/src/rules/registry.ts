/** Rule kind `registry`: the image comes from one of these hosts. */
import { isRepositoryName } from '@vidimus/reference';
import { z } from 'zod';
import { HOLDS, type Judge } from './rule-kind.ts';
import { commandReference } from './trust-evidence.ts';

const registryHost = z
  .string()
  .max(255)
  .refine((host) => isRepositoryName(`${host}/a/a`), {
    error: 'is not a normalised registry host[:port]',
    params: { policyCode: 'PATTERN_INVALID' },
  });

export const registrySchema = z.strictObject({ in: z.array(registryHost).min(1).max(100) }).readonly();
export type RegistryRule = z.infer<typeof registrySchema>;

/** Holds when `image.registry` is listed, port included. */
export function judgeRegistry(rule: RegistryRule): Judge {
  const allowed = new Set(rule.in);
  return ({ facts: { image } }) => {
    if (allowed.has(image.registry)) return HOLDS;
    return {
      findings: [
        {
          code: 'REGISTRY_FORBIDDEN',
          cause: 'judged',
          summary: `images from ${image.registry} are not allowed`,
          facts: { registry: image.registry, allowed: [...rule.in] },
          fix: [`use a copy of ${commandReference(image)} in ${rule.in.join(' or ')}`],
        },
      ],
    };
  };
}
