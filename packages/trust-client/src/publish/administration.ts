/** The calls that administer keys: roles, delegations, keys of one repository and of all (CONTRACTS C3, C5). */
import type { z } from 'zod';
import { type Change, ChangeSchema } from './answers.ts';
import {
  type Attention,
  AttentionSchema,
  type Delegated,
  DelegatedSchema,
  type DelegationDetail,
  DelegationDetailSchema,
  type FleetImpact,
  FleetImpactSchema,
  type FleetKey,
  FleetKeySchema,
  type Job,
  JobSchema,
  type KeyDetail,
  KeyDetailSchema,
  type KeyImpact,
  KeyImpactSchema,
  type KeyRevoked,
  KeyRevokedSchema,
  type RoleDetail,
  RoleDetailSchema,
  type Rotated,
  RotatedSchema,
} from './key-answers.ts';
import type { Outcome } from './publish-client.ts';
import type {
  DelegationRequest,
  KeyEntry,
  RevokeKeyRequest,
  RoleTermsRequest,
  RotationRequest,
} from './requests.ts';
import type { RestCall } from './rest-call.ts';
import { trustPath } from './trust-path.ts';

export interface Administration {
  role(repository: string, role: string): Promise<RoleDetail>;
  roles(repository: string): Promise<readonly RoleDetail[]>;
  rotateRole(repository: string, role: string, request: RotationRequest): Promise<Outcome<Rotated>>;
  changeRole(repository: string, role: string, request: RoleTermsRequest): Promise<Outcome<Rotated>>;
  delegation(repository: string, name: string): Promise<DelegationDetail>;
  /** In the order in which clients ask them. */
  delegations(repository: string): Promise<readonly DelegationDetail[]>;
  putDelegation(repository: string, name: string, request: DelegationRequest): Promise<Outcome<Delegated>>;
  removeDelegation(repository: string, name: string): Promise<Outcome<Delegated>>;
  keys(repository: string): Promise<readonly KeyDetail[]>;
  key(repository: string, keyId: string): Promise<KeyDetail>;
  /** The key in all repositories that the caller may read. */
  fleetKey(keyId: string): Promise<FleetKey>;
  /** What a revocation would do; nothing is changed. */
  keyImpact(repository: string, keyId: string, wish?: ReplacementWish): Promise<KeyImpact>;
  /** Every page of it. */
  fleetKeyImpact(keyId: string, wish?: ReplacementWish): Promise<FleetImpact>;
  revokeKey(repository: string, keyId: string, request: RevokeKeyRequest): Promise<Outcome<KeyRevoked>>;
  /** Starts, or finds again, the job that revokes it everywhere. */
  revokeKeyEverywhere(keyId: string, request: RevokeKeyRequest): Promise<Job>;
  job(id: string): Promise<Job>;
  /**
   * Repositories with problems among those that the caller may read, at most 1,000.
   * @param within what ends so soon counts, too: `30d`
   */
  attention(within: string): Promise<Attention>;
  /** Open changes of every repository of this server that the caller may read, newest first. */
  fleetChanges(choice?: ChangeChoice): Promise<readonly Change[]>;
}

/** Which open changes; older servers refuse `mine` (BODY_INVALID), and the list of all repositories (ROUTE_UNKNOWN). */
export interface ChangeChoice {
  /** Only those that wait for a signature or an approval by this caller, as far as the server can tell. */
  readonly mine?: boolean;
}

/** What would stand in the place of a key. */
export interface ReplacementWish {
  readonly replacement?: KeyEntry;
  readonly threshold?: number;
  readonly force?: boolean;
}

/** What the calls are made with. */
export interface Asking {
  readonly ask: <S extends z.ZodType>(schema: S, request: RestCall) => Promise<z.infer<S>>;
  readonly edit: <S extends z.ZodType>(schema: S, request: RestCall) => Promise<Outcome<z.infer<S>>>;
  readonly list: <S extends z.ZodType>(schema: S, path: string) => Promise<z.infer<S>[]>;
}

const fleet = 'v2/_trust';
/** Most pages of one fleet-wide answer. */
const MAX_PAGES = 100;

export function administration({ ask, edit, list }: Asking): Administration {
  const fleetPath = (...segments: readonly string[]): string =>
    [fleet, ...segments.map(encodeURIComponent)].join('/');
  return {
    role: (repository, role) =>
      ask(RoleDetailSchema, { method: 'GET', path: trustPath(repository, 'roles', role) }),
    roles: (repository) => list(RoleDetailSchema, trustPath(repository, 'roles')),
    rotateRole: (repository, role, body) =>
      edit(RotatedSchema, { method: 'POST', path: trustPath(repository, 'roles', role, 'rotations'), body }),
    changeRole: (repository, role, body) =>
      edit(RotatedSchema, { method: 'PATCH', path: trustPath(repository, 'roles', role), body }),
    delegation: (repository, name) =>
      ask(DelegationDetailSchema, { method: 'GET', path: trustPath(repository, 'delegations', name) }),
    delegations: (repository) => list(DelegationDetailSchema, trustPath(repository, 'delegations')),
    putDelegation: (repository, name, body) =>
      edit(DelegatedSchema, { method: 'PUT', path: trustPath(repository, 'delegations', name), body }),
    removeDelegation: (repository, name) =>
      edit(DelegatedSchema, { method: 'DELETE', path: trustPath(repository, 'delegations', name) }),
    keys: (repository) => list(KeyDetailSchema, trustPath(repository, 'keys')),
    key: (repository, keyId) =>
      ask(KeyDetailSchema, { method: 'GET', path: trustPath(repository, 'keys', keyId) }),
    fleetKey: (keyId) => ask(FleetKeySchema, { method: 'GET', path: fleetPath('keys', keyId) }),
    keyImpact: (repository, keyId, wish) =>
      ask(KeyImpactSchema, {
        method: 'GET',
        path: trustPath(repository, 'keys', keyId, 'impact') + toQuery(wish),
      }),
    fleetKeyImpact: async (keyId, wish) => {
      const path = fleetPath('keys', keyId, 'impact') + toQuery(wish);
      const first = await ask(FleetImpactSchema, { method: 'GET', path });
      const items = [...first.items];
      let { next } = first;
      for (let pages = 1; next && pages < MAX_PAGES; pages += 1) {
        const cursor = `${path.includes('?') ? '&' : '?'}cursor=${encodeURIComponent(next)}`;
        const page = await ask(FleetImpactSchema, { method: 'GET', path: path + cursor });
        items.push(...page.items);
        next = page.next;
      }
      return { ...first, items, next };
    },
    revokeKey: (repository, keyId, body) =>
      edit(KeyRevokedSchema, {
        method: 'POST',
        path: trustPath(repository, 'keys', keyId, 'revocation'),
        body,
      }),
    revokeKeyEverywhere: (keyId, body) =>
      ask(JobSchema, { method: 'POST', path: fleetPath('keys', keyId, 'revocation'), body }),
    job: (id) => ask(JobSchema, { method: 'GET', path: fleetPath('jobs', id) }),
    attention: (within) =>
      ask(AttentionSchema, {
        method: 'GET',
        path: `${fleetPath('repositories')}?problem=any&expiring=${within}&limit=1000`,
      }),
    fleetChanges: (choice) => list(ChangeSchema, `${fleetPath('changes')}${openChanges(choice)}`),
  };
}

/** The query of a list of open changes. */
export function openChanges({ mine = false }: ChangeChoice = {}): string {
  return `?state=open${mine ? '&mine=true' : ''}`;
}

function toQuery({ replacement, threshold, force }: ReplacementWish = {}): string {
  const query = new URLSearchParams();
  if (replacement !== undefined) query.set('replacement', JSON.stringify(replacement));
  if (threshold !== undefined) query.set('threshold', String(threshold));
  if (force === true) query.set('force', 'true');
  return query.size === 0 ? '' : `?${query}`;
}
