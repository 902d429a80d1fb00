/** All routes that go through the pipeline, in the order of the document. */
import type { ApiRoute } from '../http/api-route.ts';
import type { TrustService } from '../service.ts';
import { auditRoutes } from './audit-routes.ts';
import { changeRoutes } from './change-routes.ts';
import { delegationRoutes } from './delegation-routes.ts';
import { directoryRoutes } from './directory-routes.ts';
import { fleetRoutes } from './fleet-routes.ts';
import { importRoutes } from './import-routes.ts';
import { keyRoutes } from './key-routes.ts';
import { recoveryRoutes } from './recovery-routes.ts';
import { repositoryRoutes } from './repository-routes.ts';
import { revocationRoutes } from './revocation-routes.ts';
import { roleRoutes } from './role-routes.ts';
import { tagRoutes } from './tag-routes.ts';
import { tokenRoutes } from './token-routes.ts';

export function apiRoutes(service: TrustService): readonly ApiRoute[] {
  return [
    ...repositoryRoutes(service),
    ...importRoutes(service),
    ...recoveryRoutes(service),
    ...tagRoutes(service),
    ...roleRoutes(service),
    ...delegationRoutes(service),
    ...directoryRoutes(service),
    ...revocationRoutes(service),
    ...keyRoutes(service),
    ...changeRoutes(service),
    ...auditRoutes(service),
    ...fleetRoutes(service),
    ...tokenRoutes(service),
  ];
}
