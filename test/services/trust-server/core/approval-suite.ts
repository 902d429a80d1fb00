/** The two-person rule: dangerous calls wait for another person, and nobody is two. Runs over every kind of database. */
import { areIndependent, insertToken } from '@vidimus/access';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import {
  approvalsFor,
  createApprovalRules,
} from '../../../../services/trust-server/src/core/approvals/approval-rules.ts';
import type { Call } from '../../../../services/trust-server/src/service.ts';
import type { DatabaseForSuite } from '../../../support/each-database.ts';
import {
  bodyOf,
  type CoreForTest,
  changeOf,
  codeOf,
  day,
  managed,
  openCore,
  startMs,
} from './core-for-test.ts';
import { NotaryOwner, wireCall } from './notary-owner-for-test.ts';

export function approvalSuite(given: DatabaseForSuite): void {
  let core: CoreForTest;
  const clock = { nowMs: startMs };
  const as = (actor: string): Call => ({ actor, requestId: `request of ${actor}` });
  const repositoryOf = (name: string): string => `registry.example.com/guarded/${name}`;

  /** Token id to who made it. */
  const made: Readonly<Record<string, string | undefined>> = {
    first: undefined,
    alice: 'token:first',
    child: 'token:alice',
    grandchild: 'token:child',
    sibling: 'token:alice',
    ann: 'admin-token',
    bob: 'admin-token',
    bea: 'token:bob',
  };

  beforeAll(async () => {
    const rule = { repositories: 'registry.example.com/guarded/**', approvers: 1 };
    core = openCore(given.database(), {
      clock,
      approvals: [
        { ...rule, calls: ['delete', 'root', 'force'] },
        { ...rule, repositories: 'registry.example.com/guarded/twice', calls: ['delete'], approvers: 2 },
      ],
    });
    await given.database().transaction(async (tx) => {
      for (const [id, createdBy] of Object.entries(made)) {
        const token = {
          id,
          name: id,
          hash: Buffer.from(id.padEnd(32)).toString('hex'),
          role: 'admin' as const,
        };
        const rest = {
          repositories: ['**'],
          createdAt: startMs,
          ...(createdBy === undefined ? {} : { createdBy }),
        };
        await insertToken(tx, { ...token, ...rest });
      }
    });
  });
  afterAll(async () => {
    await core.service.stop();
  });

  const create = async (name: string): Promise<string> => {
    const repository = repositoryOf(name);
    await bodyOf(core.service.createRepository(as('token:ann'), repository, managed));
    return repository;
  };
  const proposeEnd = async (name: string, author = 'token:ann') => {
    const repository = await create(name);
    const change = await changeOf(core.service.endRepository(as(author), repository));
    return {
      repository,
      change,
      approve: (actor: string) => core.service.approveChange(as(actor), repository, change.id),
    };
  };
  const eventsOf = async (repository: string) =>
    (await core.service.readAudit({ repository }, { limit: 100 })).items.map(
      ({ action, actor }) => `${action} ${actor}`,
    );

  describe('the end of a guarded repository', () => {
    it('waits as a change without documents, and the repository goes on', async () => {
      const { repository, change } = await proposeEnd('waits');
      expect(change).toMatchObject({
        kind: 'end',
        state: 'open',
        createdBy: 'token:ann',
        documents: [],
        approvals: { needed: 1, by: [], missing: 1 },
        edit: { method: 'DELETE', path: `/v2/${repository}/_trust`, body: null },
      });
      expect((await core.service.readRepository(repository)).openChanges).toBe(1);
      const again = await changeOf(core.service.endRepository(as('token:bob'), repository));
      expect(again.id).toBe(change.id);
    });

    it('is carried out as the author when another person agrees, and the log names both', async () => {
      const { repository, approve } = await proposeEnd('approved');
      expect(await approve('token:bob')).toMatchObject({
        state: 'published',
        approvals: { needed: 1, by: [{ actor: 'token:bob' }], missing: 0 },
      });
      expect(await codeOf(core.service.readRepository(repository))).toBe('REPOSITORY_UNKNOWN');
      expect((await eventsOf(repository)).slice(0, 3)).toEqual([
        'repository.end token:ann',
        'change.approve token:bob',
        'change.open token:ann',
      ]);
    });

    it('is not carried out by a dry run', async () => {
      const { repository, change } = await proposeEnd('dry');
      await core.service.approveChange({ ...as('token:bob'), dryRun: true }, repository, change.id);
      expect((await core.service.readChange(repository, change.id)).approvals?.missing).toBe(1);
    });

    it('waits for as many people as the strictest rule asks', async () => {
      const { approve } = await proposeEnd('twice');
      expect((await approve('token:bob')).state).toBe('open');
      expect((await approve('token:bob')).approvals?.missing).toBe(1);
      expect(await codeOf(approve('token:bea'))).toBe('DENIED');
      expect((await approve('oidc:issuer.example/carol')).state).toBe('published');
    });

    it('does not wait for ever', async () => {
      const { repository, change, approve } = await proposeEnd('late');
      clock.nowMs += 8 * day;
      expect(await codeOf(approve('token:bob'))).toBe('CHANGE_CLOSED');
      clock.nowMs -= 8 * day;
      await core.service.rejectChange(as('token:bob'), repository, change.id);
      expect(await codeOf(approve('token:bob'))).toBe('CHANGE_CLOSED');
    });

    it('happens at once where no rule speaks of it', async () => {
      const repository = 'registry.example.com/free/web';
      await bodyOf(core.service.createRepository(as('token:ann'), repository, managed));
      expect(await bodyOf(core.service.endRepository(as('token:ann'), repository))).toMatchObject({
        repository,
      });
    });
  });

  describe('the Notary wire', () => {
    it('ends no guarded repository, and says where to', async () => {
      const owner = await NotaryOwner.create(core, repositoryOf('wire'), { '1.0': 'a' });
      expect(await codeOf(core.service.endNotary(wireCall, owner.repository))).toBe('DENIED');
      expect(await core.service.hasRepository(owner.repository)).toBe(true);
    });
  });

  describe('who may approve', () => {
    it.each([
      ['the author', 'token:alice', 'token:alice'],
      ['a token the author made', 'token:alice', 'token:child'],
      ['a token made by a token the author made', 'token:alice', 'token:grandchild'],
      ['the maker of the author', 'token:child', 'token:alice'],
      ['another token of the same maker', 'token:child', 'token:sibling'],
      ['the operator, who made the author', 'token:ann', 'admin-token'],
      ['a token of the operator, for the operator', 'admin-token', 'token:ann'],
      ['a token that was never made', 'token:ann', 'token:nobody'],
    ])('not %s', async (what, author, approver) => {
      const { repository, change, approve } = await proposeEnd(what.replaceAll(/[^a-z]+/g, '-'), author);
      expect(await codeOf(approve(approver))).toBe('DENIED');
      expect((await core.service.readChange(repository, change.id)).state).toBe('open');
    });

    it.each([
      ['two tokens of the operator', 'token:ann', 'token:bob'],
      ['a token further down another line', 'token:ann', 'token:bea'],
      ['names that others tell apart', 'oidc:issuer.example/a', 'mtls:DNS:b.example'],
      ['a token and a name', 'token:child', 'oidc:issuer.example/a'],
    ])('%s', async (_what, one, other) => {
      const { db } = given.database();
      expect(await areIndependent(db, one, other)).toBe(true);
      expect(await areIndependent(db, other, one)).toBe(true);
    });
  });

  describe('what waits for somebody', () => {
    const everywhere = () => true;
    const waitingFor = (actor: string, may = { sign: true, approve: true }) => ({
      actor,
      maySign: () => may.sign,
      mayApprove: () => may.approve,
    });
    const idsFor = async (repository: string, cosigner: ReturnType<typeof waitingFor>) => {
      const filter = { state: 'open', waitingFor: cosigner } as const;
      const own = await core.service.listChanges(repository, filter, { limit: 10 });
      const all = await core.service.listAllChanges(
        { ...filter, mayRead: (name) => name === repository },
        { limit: 10 },
      );
      expect(all.items).toEqual(own.items);
      return own.items.map(({ id }) => id);
    };

    it('is a change that lacks approvals, for those who may approve, except its author and who did', async () => {
      const { repository, change, approve } = await proposeEnd('twice');
      expect(await idsFor(repository, waitingFor('token:bob'))).toEqual([change.id]);
      expect(await idsFor(repository, waitingFor('token:ann'))).toEqual([]);
      expect(await idsFor(repository, waitingFor('token:bob', { sign: true, approve: false }))).toEqual([]);
      await approve('token:bob');
      expect(await idsFor(repository, waitingFor('token:bob'))).toEqual([]);
      expect(await idsFor(repository, waitingFor('mtls:carol'))).toEqual([change.id]);
    });

    it('is listed page by page over all repositories that the caller may read, newest first', async () => {
      const made = [await proposeEnd('page-a'), await proposeEnd('page-b'), await proposeEnd('page-c')];
      const names = new Set(made.map(({ repository }) => repository));
      const seen: string[] = [];
      let after: string | undefined;
      do {
        const { items, next } = await core.service.listAllChanges(
          { state: 'open', mayRead: (name) => names.has(name) },
          { limit: 1, ...(after === undefined ? {} : { after }) },
        );
        seen.push(...items.map(({ id }) => id));
        after = next;
      } while (after !== undefined);
      expect(seen).toEqual(made.map(({ change }) => change.id).reverse());
      const [, middle] = made;
      const expired = { state: 'expired', mayRead: (name: string) => name === middle?.repository } as const;
      expect((await core.service.listAllChanges(expired, { limit: 5 })).items).toEqual([]);
      clock.nowMs += 8 * day;
      const [only] = (await core.service.listAllChanges(expired, { limit: 5 })).items;
      expect([only?.id, only?.state]).toEqual([middle?.change.id, 'expired']);
      const open = { state: 'open', mayRead: everywhere } as const;
      expect((await core.service.listAllChanges(open, { limit: 5 })).items).toEqual([]);
      clock.nowMs -= 8 * day;
    });
  });

  describe('other keys of root', () => {
    const rotation = { to: [{ custody: 'managed' as const }], reason: 'a test' };

    it('wait, shown as the exact next root, and are published when approved', async () => {
      const repository = await create('root');
      const change = await changeOf(core.service.rotateRole(as('token:ann'), repository, 'root', rotation));
      expect(change.documents.map(({ role, version, missing }) => [role, version, missing])).toContainEqual([
        'root',
        2,
        0,
      ]);
      expect((await core.service.readRepository(repository)).versions['root']).toBe(1);
      const approved = await core.service.approveChange(as('token:bob'), repository, change.id);
      expect(approved.state).toBe('published');
      expect((await core.service.readRepository(repository)).versions['root']).toBe(2);
      expect((await eventsOf(repository)).slice(0, 2)).toEqual([
        expect.stringMatching(/\.rotate token:ann$/),
        'change.approve token:bob',
      ]);
    });

    it('do not follow a root that has moved meanwhile', async () => {
      const repository = await create('moved');
      const rotate = (role: string, call: Call) => core.service.rotateRole(call, repository, role, rotation);
      const first = await changeOf(rotate('root', as('token:ann')));
      expect(await codeOf(rotate('targets', as('token:ann')))).toBe('CHANGE_CONFLICT');
      const second = await changeOf(rotate('targets', { ...as('token:ann'), supersede: first.id }));
      expect(await codeOf(core.service.approveChange(as('token:bob'), repository, first.id))).toBe(
        'CHANGE_CLOSED',
      );
      expect((await core.service.approveChange(as('token:bob'), repository, second.id)).state).toBe(
        'published',
      );
    });
  });

  describe('the rule', () => {
    const rules = createApprovalRules([
      { repositories: 'r.example/**', calls: ['root'], approvers: 1 },
      { repositories: 'r.example/prod/*', calls: ['root', 'force'], approvers: 2 },
    ]);
    const edit = (roles: object, body: unknown) => ({ parts: [{ edit: { roles } }], request: { body } });

    it.each([
      ['a key of root', 'r.example/a', edit({ timestamp: {} }, {}), 1],
      ['a renewed root that names the same', 'r.example/a', edit({}, {}), 0],
      ['the strictest of two', 'r.example/prod/a', edit({ root: {} }, {}), 2],
      ['force alone', 'r.example/prod/a', edit({}, { force: true }), 2],
      ['force that is not true', 'r.example/prod/a', edit({}, { force: 'true' }), 0],
      ['elsewhere', 'other.example/a', edit({ root: {} }, { force: true }), 0],
    ])('asks for %s', (_what, repository, judged, needed) => {
      expect(approvalsFor(rules, repository, 'token:1', judged)).toBe(needed);
    });

    it('does not hold up what the service does by itself', () => {
      expect(approvalsFor(rules, 'r.example/a', 'service', edit({ timestamp: {} }, {}))).toBe(0);
    });
  });
}
