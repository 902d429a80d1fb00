/**
 * A real repository with a story: signed by carol, whose key is revoked; signed again by alice, and moved. Audits of it
 * read what the service would serve.
 */
import { drive, type Reply, type Step } from '@vidimus/tuf';
import {
  type AuditReport,
  type AuditSubject,
  auditHistory,
} from '../../../../packages/trust-client/src/audit/audit-history.ts';
import {
  type AuditBundle,
  type AuditFile,
  formatBundle,
} from '../../../../packages/trust-client/src/audit/bundle.ts';
import { type LoggedEvent, parseEvent } from '../../../../packages/trust-client/src/audit/logged-event.ts';
import type { Change } from '../../../../services/trust-server/src/schemas/index.ts';
import type { Outcome } from '../../../../services/trust-server/src/service.ts';
import { type CoreForTest, call, managed, tagOf } from '../../../services/trust-server/core/core-for-test.ts';
import {
  heldBy,
  type Party,
  party,
  signBy,
} from '../../../services/trust-server/core/delegations/delegations-for-test.ts';

export const carol = party('carol');
export const alice = party('alice');
export const hour = 3_600_000;

/** Every file that the service would serve, and its log. */
export interface Served {
  readonly repository: string;
  readonly roots: readonly Uint8Array[];
  readonly timestamp: Uint8Array;
  readonly events: readonly LoggedEvent[];
  readonly files: ReadonlyMap<string, Uint8Array>;
}

/** Returns what was served before the tag was moved. */
export async function tellStory(core: CoreForTest, repository: string): Promise<Served> {
  const { service, clock } = core;
  await service.createRepository(call, repository, managed);
  await settle(core, service.putTag(call, repository, 'other', tagOf('other')));
  const held = heldBy([carol], { paths: ['1.*'] });
  await settle(core, service.putDelegation(call, repository, 'releases', held), carol);
  await settle(
    core,
    service.putTag(call, repository, '1.4.2', { ...tagOf('first'), role: 'releases' }),
    carol,
  );
  clock.nowMs += hour;
  const revoked = await service.revokeKey(call, repository, carol.tuf.keyId, {
    reason: 'laptop stolen',
    replacement: alice.entry,
  });
  clock.nowMs += hour;
  const open = await service.listChanges(repository, { state: 'open' }, { limit: 10 });
  if (revoked.outcome === 'change') throw new Error('the revocation waits');
  for (const change of open.items) await signBy(core, change, alice);
  clock.nowMs += hour;
  const earlier = await readServed(core, repository);
  await settle(
    core,
    service.putTag(call, repository, '1.4.2', { ...tagOf('second'), role: 'releases' }),
    alice,
  );
  return earlier;
}

async function settle(
  core: CoreForTest,
  edit: Promise<Outcome<unknown>>,
  ...parties: readonly Party[]
): Promise<void> {
  const outcome = await edit;
  if (outcome.outcome === 'change') {
    const change: Change = await signBy(core, outcome.change, ...parties);
    if (change.state !== 'published') throw new Error(`the change is ${change.state}`);
  }
  core.clock.nowMs += hour;
}

export async function readServed({ service }: CoreForTest, repository: string): Promise<Served> {
  const files = new Map<string, Uint8Array>();
  const roots: Uint8Array[] = [];
  for (const role of ['root', 'targets', 'snapshot', 'revocations', 'releases']) {
    for (let version = 1; ; version += 1) {
      const file = await service.readMetadata(repository, { role, version });
      if (file === undefined) break;
      if (role === 'root') roots.push(file.bytes);
      else files.set(`${version}.${role}`, file.bytes);
    }
  }
  const timestamp = (await service.readMetadata(repository, { role: 'timestamp' }))?.bytes;
  if (timestamp === undefined) throw new Error('no timestamp');
  const { items } = await service.readAudit({ repository }, { limit: 1_000 });
  const events = items.map((event) => parseEvent(JSON.parse(JSON.stringify(event)))).reverse();
  return { repository, roots, timestamp, events, files };
}

/** The audit of a tag, and the bundle that comes of it. */
export function auditServed(
  served: Served,
  more: Partial<AuditSubject> = {},
): { readonly report: AuditReport; readonly bundle: AuditBundle; readonly bytes: Uint8Array } {
  const { files: all, ...subject } = served;
  const files: AuditFile[] = [];
  const answer = (step: Step): Reply => {
    if (step.do !== 'fetch' || step.version === undefined) return undefined;
    const { role, version } = step;
    const bytes = all.get(`${version}.${role}`);
    if (bytes !== undefined) files.push({ role, version, bytes });
    return bytes;
  };
  const asked = { ...subject, ...more };
  const report = drive(auditHistory(asked), answer);
  const bundle = { ...asked, anchor: 'root', files };
  return { report, bundle, bytes: formatBundle(bundle) };
}
