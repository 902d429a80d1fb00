import { Metadata, MetadataKind } from '@tufjs/models';
import { sha256Hex } from '@vidimus/crypto';
import {
  type Draft,
  type Root,
  type Targets,
  type TufDocument,
  tufDialect,
  verifyThreshold,
} from '@vidimus/tuf';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import {
  binOf,
  createRepository,
  editTags,
  layoutOf,
  nextRevocations,
  nextRoot,
  nextSnapshot,
  nextTimestamp,
  planTags,
  type SealedFile,
  toRevocationTarget,
} from '../../../../packages/tuf/src/edit/index.ts';
import type { Key, RoleKeys, Signed, Target } from '../../../../packages/tuf/src/model.ts';
import { day, digestHex, repository, repositoryKeys, roles, seededKey, start, terms } from './seeded-keys.ts';

const signers = new Map(roles.map((role) => [seededKey(role).key.keyId, seededKey(role).signer]));
const kinds = {
  root: MetadataKind.Root,
  targets: MetadataKind.Targets,
  snapshot: MetadataKind.Snapshot,
  timestamp: MetadataKind.Timestamp,
} as const;

/** A repository in memory that signs every edit and keeps what clients would see. */
class History {
  nowMs = start;
  readonly highest: Record<string, number> = {};
  readonly current = new Map<string, Signed>();
  readonly files = new Map<string, Uint8Array>();
  readonly tags = new Map<string, string>();
  readonly revoked = new Set<string>();

  async create(): Promise<void> {
    const made = createRepository(repositoryKeys, this.terms());
    await this.seal('root', made.root);
    await this.seal('targets', made.targets);
    await this.seal('revocations', made.revocations);
    await this.publish(['targets', 'revocations']);
  }

  terms() {
    return terms(this.highest, this.nowMs);
  }

  targets(role: string): Targets {
    const document = this.current.get(role)?.document;
    if (document?.kind !== 'targets') throw new Error(`no ${role}`);
    return document;
  }

  root(): Root {
    const document = this.current.get('root')?.document;
    if (document?.kind !== 'root') throw new Error('no root');
    return document;
  }

  async edit(set: readonly Target[], remove: readonly string[]): Promise<void> {
    for (const tag of remove) this.tags.delete(tag);
    for (const target of set) this.tags.set(target.path, target.hashes.get('sha256') ?? '');
    const bins = this.current.has('bins') ? this.targets('bins') : undefined;
    const names = [...set.map((target) => target.path), ...remove];
    const plan = planTags(layoutOf(this.targets('targets'), bins), this.tags.size, names);
    const loaded = new Map([...plan.load].map((role) => [role, this.targets(role)]));
    const drafts = editTags(plan, this.root(), loaded, { set, remove }, this.terms());
    for (const [role, draft] of drafts) await this.seal(role, draft);
    await this.publish([...drafts.keys()]);
  }

  async revoke(digest: string): Promise<void> {
    this.revoked.add(digest);
    const entry = toRevocationTarget({ digest, reason: 'found bad', atMs: this.nowMs });
    const draft = nextRevocations(this.targets('revocations'), { set: [entry] }, this.terms());
    await this.seal('revocations', draft);
    await this.publish(['revocations']);
  }

  async renewRoot(): Promise<void> {
    await this.seal('root', nextRoot(this.root(), {}, this.terms()));
  }

  async publish(changed: readonly string[]): Promise<void> {
    const snapshot = this.current.get('snapshot')?.document;
    const timestamp = this.current.get('timestamp')?.document;
    const files = new Map(changed.map((role) => [role, this.file(role)]));
    const previous = snapshot?.kind === 'snapshot' ? snapshot : undefined;
    await this.seal('snapshot', nextSnapshot(previous, files, this.terms()));
    const log = { size: 1, hash: digestHex('log') };
    const before = timestamp?.kind === 'timestamp' ? timestamp : undefined;
    await this.seal('timestamp', nextTimestamp(before, this.file('snapshot'), log, this.terms()));
  }

  file(role: string): SealedFile {
    const signed = this.current.get(role);
    if (signed === undefined) throw new Error(`no ${role}`);
    const { bytes } = signed.envelope;
    return { version: signed.document.version, length: bytes.length, sha256: sha256Hex(bytes) };
  }

  /** Signs, and reads back what was signed as any client would. */
  async seal(role: string, draft: Draft): Promise<void> {
    const message = tufDialect.encode(draft);
    const { keys, roleKeys } = this.owner(role, draft);
    const signatures = await Promise.all(
      roleKeys.keyIds.map(async (keyId) => {
        const signer = signers.get(keyId);
        if (signer === undefined) throw new Error('no signer');
        return { keyId, value: await signer.sign(message) };
      }),
    );
    const bytes = tufDialect.seal(message, signatures);
    const envelope = tufDialect.open(bytes, 64 * 1024 * 1024);
    expect(verifyThreshold(envelope, keys, roleKeys).keyIds.length).toBe(1);
    const document: TufDocument = tufDialect.decode(draft.kind, envelope);
    expect(document.version).toBe((this.highest[role] ?? 0) + 1);
    expect(document.binding).toMatchObject({ repository, role, issued: this.nowMs });
    expect(document.expires).toBeGreaterThan(this.nowMs);
    this.highest[role] = document.version;
    this.files.set(`${role}@${document.version}`, bytes);
    this.current.set(role, { envelope, document });
  }

  owner(role: string, draft: Draft): { keys: ReadonlyMap<string, Key>; roleKeys: RoleKeys } {
    const root = draft.kind === 'root' ? draft : this.root();
    if (role === 'root' || role === 'targets' || role === 'snapshot' || role === 'timestamp') {
      return { keys: root.keys, roleKeys: root.roles[role] };
    }
    if (role !== 'revocations') return { keys: root.keys, roleKeys: root.roles.targets };
    const delegations = this.targets('targets').delegations;
    const roleKeys = delegations?.roles.find((entry) => entry.name === role);
    if (delegations === undefined || roleKeys === undefined) throw new Error('no delegation');
    return { keys: delegations.keys, roleKeys };
  }

  /** Where each tag is listed now, read from the signed files alone. */
  listed(): ReadonlyMap<string, string> {
    const bins = this.current.has('bins') ? this.targets('bins') : undefined;
    const layout = layoutOf(this.targets('targets'), bins);
    const found = new Map<string, string>();
    for (const tag of this.tags.keys()) {
      const role = layout.kind === 'flat' ? 'targets' : binOf(layout, tag);
      found.set(tag, this.targets(role).targets.get(tag)?.hashes.get('sha256') ?? 'missing');
    }
    return found;
  }
}

type Step =
  | { readonly do: 'sign'; readonly tags: readonly string[]; readonly digest: string }
  | { readonly do: 'remove'; readonly tags: readonly string[] }
  | { readonly do: 'revoke'; readonly digest: string }
  | { readonly do: 'renew' }
  | { readonly do: 'many'; readonly from: number };

const tagName = fc.oneof(
  fc.constantFrom('latest', 'constructor', '__proto__', '1.0', 'toString', '1'),
  fc.stringMatching(/^[A-Za-z0-9_][A-Za-z0-9._-]{0,20}$/),
);
const step: fc.Arbitrary<Step> = fc.oneof(
  {
    weight: 6,
    arbitrary: fc.record({ do: fc.constant('sign' as const), tags: fc.array(tagName), digest: fc.string() }),
  },
  { weight: 3, arbitrary: fc.record({ do: fc.constant('remove' as const), tags: fc.array(tagName) }) },
  { weight: 2, arbitrary: fc.record({ do: fc.constant('revoke' as const), digest: fc.string() }) },
  { weight: 1, arbitrary: fc.constant({ do: 'renew' as const }) },
  { weight: 1, arbitrary: fc.record({ do: fc.constant('many' as const), from: fc.nat(3) }) },
);

const target = (path: string, text: string): Target => ({
  path,
  length: text.length,
  hashes: new Map([['sha256', digestHex(text)]]),
  custom: { mediaType: 'application/vnd.oci.image.index.v1+json' },
});

async function run(history: History, next: Step): Promise<void> {
  history.nowMs += 1_000;
  if (next.do === 'sign') {
    await history.edit(
      [...new Set(next.tags)].map((tag) => target(tag, next.digest)),
      [],
    );
  } else if (next.do === 'many') {
    const tags = Array.from({ length: 600 }, (_, index) => `many-${next.from * 600 + index}`);
    await history.edit(
      tags.map((tag) => target(tag, tag)),
      [],
    );
  } else if (next.do === 'remove') await history.edit([], next.tags);
  else if (next.do === 'revoke') await history.revoke(`sha256:${digestHex(next.digest)}`);
  else await history.renewRoot();
}

describe('any sequence of edits, signed', () => {
  it('is accepted version by version, lists every tag once and loses no snapshot entry', async () => {
    await fc.assert(
      fc.asyncProperty(fc.array(step, { maxLength: 12 }), async (steps) => {
        const history = new History();
        await history.create();
        for (const next of steps) {
          const before = history.current.get('snapshot')?.document;
          await run(history, next);
          expect(history.listed()).toEqual(history.tags);
          const after = history.current.get('snapshot')?.document;
          if (before?.kind !== 'snapshot' || after?.kind !== 'snapshot') throw new Error('no snapshot');
          for (const [role, file] of before.meta) {
            expect(after.meta.get(role)?.version).toBeGreaterThanOrEqual(file.version ?? 0);
          }
        }
        expect([...history.targets('revocations').targets.keys()].sort()).toEqual(
          [...history.revoked].sort(),
        );
      }),
      { numRuns: 25, seed: 20261121 },
    );
  });

  it('is read and verified by the models of tuf-js', async () => {
    const history = new History();
    await history.create();
    const steps: readonly Step[] = [
      { do: 'sign', tags: ['latest', 'constructor', '1'], digest: 'a' },
      { do: 'revoke', digest: 'b' },
      { do: 'remove', tags: ['latest'] },
      { do: 'renew' },
      { do: 'sign', tags: ['1.0'], digest: 'c' },
    ];
    for (const next of steps) await run(history, next);
    const json = (name: string) => JSON.parse(new TextDecoder().decode(history.files.get(name)));
    const root = Metadata.fromJSON(kinds.root, json('root@1'));
    const targets = Metadata.fromJSON(kinds.targets, json('targets@1'));
    for (const name of history.files.keys()) {
      const role = name.split('@')[0] ?? '';
      if (role === 'revocations') {
        targets.verifyDelegate(role, Metadata.fromJSON(kinds.targets, json(name)));
      } else if (role === 'root' || role === 'targets' || role === 'snapshot' || role === 'timestamp') {
        // One overload per kind: the call is the same.
        if (role === 'root') root.verifyDelegate(role, Metadata.fromJSON(kinds.root, json(name)));
        if (role === 'targets') root.verifyDelegate(role, Metadata.fromJSON(kinds.targets, json(name)));
        if (role === 'snapshot') root.verifyDelegate(role, Metadata.fromJSON(kinds.snapshot, json(name)));
        if (role === 'timestamp') root.verifyDelegate(role, Metadata.fromJSON(kinds.timestamp, json(name)));
      }
    }
    expect(history.files.size).toBeGreaterThan(12);
  });

  it('adds one tag to 50,000 by signing one bin, snapshot and timestamp, in milliseconds', async () => {
    const history = new History();
    await history.create();
    const tags = Array.from({ length: 50_000 }, (_, index) => target(`v${index}`, `v${index}`));
    await history.edit(tags, []);
    const before = { ...history.highest };
    const began = process.cpuUsage();
    for (let round = 0; round < 10; round += 1) await history.edit([target(`new-${round}`, 'new')], []);
    const { user, system } = process.cpuUsage(began);
    const moved = Object.keys(history.highest).filter((role) => history.highest[role] !== before[role]);
    expect(moved.length).toBeLessThanOrEqual(12);
    expect(moved).toContain('timestamp');
    // Ten edits; a generous bound on work, not on waiting.
    expect((user + system) / 1_000).toBeLessThan(2_500);
    expect(history.targets('targets').targets.size).toBe(0);
    expect(history.nowMs).toBeLessThan(start + day);
  });
});
