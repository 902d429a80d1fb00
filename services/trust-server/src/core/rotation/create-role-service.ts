/** The use cases of `RoleService`. */

import type { RoleService } from '../../role-service.ts';
import type { Role, RoleRotated } from '../../schemas/index.ts';
import type { Call, Outcome } from '../../service.ts';
import type { DialectParts } from '../dialect-changes/dialect-parts.ts';
import { toOutcome } from '../edits/carried-outcome.ts';
import type { Published } from '../publish/publication.ts';
import { readView } from '../read/repository-view.ts';
import { toRoleAnswer } from '../read/summary.ts';
import type { RepositoryRow } from '../store/repositories.ts';
import { guarded } from '../trust-errors.ts';
import type { RotationRequest } from './plan-rotation.ts';
import { rotateRole } from './rotate-role.ts';

export interface RoleServiceParts extends DialectParts {
  /** Told after the commit. */
  readonly onPublished: (row: RepositoryRow, published: Published) => void;
}

export function createRoleService(parts: RoleServiceParts): RoleService {
  const { database, reader, states, now } = parts;
  const readRole = async (repository: string, role: string): Promise<Role> =>
    toRoleAnswer(await readView({ reader, states }, database.db, repository), role);

  const rotate = async (
    call: Call,
    repository: string,
    request: RotationRequest,
  ): Promise<Outcome<RoleRotated>> => {
    const rotated = await rotateRole(parts, call, repository, request);
    if (rotated.outcome === 'published') parts.onPublished(rotated.row, rotated.published);
    if (rotated.outcome === 'same') {
      const body = { published: {}, role: await readRole(repository, request.role) };
      return { outcome: 'done', body, ...(call.dryRun === true && { impact: { diff: [], versions: {} } }) };
    }
    return await toOutcome(call, rotated, now(), async (versions) => ({
      published: { ...versions },
      role: await readRole(repository, request.role),
    }));
  };

  return {
    rotateRole: (call, repository, role, body) =>
      guarded(() => {
        const { to, threshold, expiresAfter, reason } = body;
        const path = `${pathOf(repository, role)}/rotations`;
        return rotate(call, repository, {
          role,
          to,
          ...(threshold === undefined ? {} : { threshold }),
          ...(expiresAfter === undefined ? {} : { expiresAfter }),
          reason,
          request: { method: 'POST', path, body },
        });
      }),
    patchRole: (call, repository, role, body) =>
      guarded(() => {
        const { threshold, expiresAfter } = body;
        return rotate(call, repository, {
          role,
          ...(threshold === undefined ? {} : { threshold }),
          ...(expiresAfter === undefined ? {} : { expiresAfter }),
          request: { method: 'PATCH', path: pathOf(repository, role), body },
        });
      }),
  };
}

function pathOf(repository: string, role: string): string {
  return `/v2/${repository}/_trust/roles/${encodeURIComponent(role)}`;
}
