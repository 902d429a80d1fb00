/** What the `notary` dialect cannot say of a repository in `tuf`; then it is not given that dialect. */
import { toPathPrefix } from '@vidimus/notary';
import { type Delegation, layoutOf, REVOCATIONS_ROLE, type Targets } from '@vidimus/tuf';
import { TrustError } from '../../service.ts';
import { assertFlat } from '../publish/plan-tags.ts';

/** `revocations` alone stays behind: its digests show there as the absence of their tags. */
export function assertExpressible(targets: Targets, bins: Targets | undefined): void {
  assertFlat(layoutOf(targets, bins), targets.targets.size);
  for (const delegation of targets.delegations?.roles ?? []) {
    if (delegation.name === REVOCATIONS_ROLE) continue;
    const why = obstacle(delegation);
    throw new TrustError('DIALECT_INEXPRESSIBLE', `the delegation ${delegation.name} ${why}`, {
      role: delegation.name,
      dialect: 'notary',
    });
  }
}

function obstacle({ terminating, paths, pathHashPrefixes }: Delegation): string {
  if (pathHashPrefixes !== undefined) return 'goes by hash prefixes, which the dialect notary does not have';
  const pattern = paths?.find((path) => toPathPrefix(path) === undefined);
  if (pattern !== undefined) return `has the paths ${pattern}, and the dialect notary only literal prefixes`;
  if (terminating) return 'is terminating, which the dialect notary cannot say';
  return 'has keys in the dialect tuf alone: remove it, add the dialect, and make it again in both';
}
