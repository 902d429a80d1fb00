/** A restored repository is read-only until its versions are known: no version may ever have two contents. */
import { TrustError } from '../../service.ts';
import type { RepositorySettings } from '../store/repository-settings.ts';

/** How a person gets on. */
export const uncertainFix =
  'vidimus key resume REPOSITORY, on a machine that pulled from it after the backup (POST …/_trust/recovery)';

/** @throws TrustError VERSION_UNCERTAIN */
export function assertVersionsKnown(
  repository: string,
  { restored }: Pick<RepositorySettings, 'restored'>,
): void {
  if (restored === undefined) return;
  throw new TrustError(
    'VERSION_UNCERTAIN',
    `${repository} was restored from a backup of ${restored.backup} and is read-only until its newest versions are known`,
    { repository, backup: restored.backup, fix: uncertainFix },
  );
}
