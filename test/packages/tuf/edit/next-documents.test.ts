import { describe, expect, it } from 'vitest';
import {
  allBins,
  createRepository,
  type DelegationSpec,
  type DialectEdit,
  editReason,
  editTags,
  MAX_DELEGATIONS_PER_ROLE,
  nextDocuments,
  planTags,
  rolesOfEdit,
} from '../../../../packages/tuf/src/edit/index.ts';
import type { Root, Target, Targets } from '../../../../packages/tuf/src/model.ts';
import { tufDialect } from '../../../../packages/tuf/src/tuf-dialect/tuf-dialect.ts';
import { digestHex, one, repositoryKeys, seededKey, start, terms } from './seeded-keys.ts';

const parsed = <D extends object>(draft: D): D & { fields: Record<string, never> } => ({
  ...draft,
  fields: {},
});
const created = createRepository(repositoryKeys, terms());
const root: Root = parsed(created.root);
const revocations: Targets = parsed(created.revocations);
const targets: Targets = parsed(created.targets);

const delegation = (name: string, more: Partial<DelegationSpec> = {}): DelegationSpec => ({
  ...one(name),
  name,
  paths: ['1.*'],
  terminating: false,
  ...more,
});

const tag = (path: string): Target => ({ path, length: 7, hashes: new Map([['sha256', digestHex(path)]]) });

const delegating = (...specs: readonly DelegationSpec[]): DialectEdit => ({
  delegations: new Map([['targets', { set: specs }]]),
});

const highest = { root: 1, targets: 1, revocations: 1, snapshot: 1, timestamp: 1 };
const next = (edit: DialectEdit, documents: Readonly<Record<string, Targets>> = {}) =>
  nextDocuments({ root, targets: new Map(Object.entries({ targets, ...documents })) }, edit, terms(highest));

function reasonOf(action: () => unknown): string | undefined {
  try {
    action();
  } catch (error) {
    return editReason(error) ?? String(error);
  }
  return undefined;
}

describe('nextDocuments', () => {
  it('makes nothing of nothing', () => {
    expect(next({})).toEqual({ targets: new Map() });
  });

  it('makes root alone where a role that signs no targets gets other keys', () => {
    const { root: made, targets: others } = next({ roles: { snapshot: one('new') } });
    expect(made?.version).toBe(2);
    expect(made?.roles.snapshot.keyIds).toEqual([seededKey('new').key.keyId]);
    expect(made?.roles.targets).toEqual(root.roles.targets);
    expect(others.size).toBe(0);
  });

  it('renews root though no key changes', () => {
    const { root: made } = next({ renewRoot: true });
    expect([made?.version, made?.roles]).toEqual([2, root.roles]);
  });

  it('signs targets anew when root gives it other keys, and leaves what it delegates', () => {
    const { targets: made } = next({ roles: { targets: one('new') } });
    expect([...made.keys()]).toEqual(['targets']);
    expect(made.get('targets')).toMatchObject({ version: 2, delegations: targets.delegations });
  });

  it('gives bins the keys of targets, all of them', () => {
    const many = Array.from({ length: 1_001 }, (_, index) => tag(`t${index}`));
    const plan = planTags({ kind: 'flat' }, many.length, []);
    const edits = { set: many };
    const moved = editTags(plan, root, new Map([['targets', targets]]), edits, terms(highest));
    const documents = Object.fromEntries([...moved].map(([role, draft]) => [role, parsed(draft) as Targets]));
    const edit: DialectEdit = { roles: { targets: one('new') } };
    const bins = documents['bins'];
    if (bins === undefined) throw new Error('no bins');
    const { targets: made } = nextDocuments(
      { root, targets: new Map(Object.entries(documents)) },
      edit,
      terms(highest),
    );
    const names = allBins({ bitLength: 8, namePrefix: 'b8' });
    expect([...made.keys()]).toEqual(['targets', 'bins', ...names]);
    expect([...rolesOfEdit(edit, { bins })]).toEqual([...made.keys()]);
    const keyId = seededKey('new').key.keyId;
    expect(made.get('targets')?.delegations?.roles.at(-1)).toMatchObject({ name: 'bins', keyIds: [keyId] });
    expect([...(made.get('targets')?.delegations?.keys.keys() ?? [])].sort()).toEqual(
      [keyId, seededKey('revocations').key.keyId].sort(),
    );
    expect(made.get('bins')?.delegations?.succinct).toMatchObject({ keyIds: [keyId], bitLength: 8 });
    expect(names.flatMap((name) => [...(made.get(name)?.targets.keys() ?? [])])).toHaveLength(1_001);

    const { 'b8-7f': lost, ...without } = documents;
    expect(lost).toBeDefined();
    const lacking = { root, targets: new Map(Object.entries(without)) };
    expect(reasonOf(() => nextDocuments(lacking, edit, terms(highest)))).toBe('ROLE_MISSING');
  });

  it('delegates to a new role, whose first document is empty', () => {
    const { root: made, targets: drafts } = next(delegating(delegation('qa'), delegation('qa-2')));
    expect(made).toBeUndefined();
    expect([...drafts.keys()]).toEqual(['targets', 'qa', 'qa-2']);
    expect(drafts.get('targets')?.delegations?.roles.map(({ name }) => name)).toEqual([
      'revocations',
      'qa',
      'qa-2',
    ]);
    expect(drafts.get('qa')).toMatchObject({ version: 1, targets: new Map() });
    expect(drafts.get('qa')?.binding).toMatchObject({ role: 'qa', issued: start });
  });

  it('puts new delegations before bins', () => {
    const bins = { ...one('targets'), keyIds: root.roles.targets.keyIds };
    const before = {
      ...targets.delegations,
      keys: root.keys,
      roles: [
        ...(targets.delegations?.roles ?? []),
        { name: 'bins', keyIds: bins.keyIds, threshold: 1, terminating: true, paths: ['*'] },
      ],
    };
    const { targets: made } = next(delegating(delegation('qa')), {
      targets: { ...targets, delegations: before },
    });
    expect(made.get('targets')?.delegations?.roles.map(({ name }) => name)).toEqual([
      'revocations',
      'qa',
      'bins',
    ]);
  });

  it('replaces the key of a delegation in its place, hands on no key that nobody names, and signs its tags anew', () => {
    const first = next(delegating(delegation('qa'), delegation('dev')));
    const documents = {
      targets: parsed(first.targets.get('targets') ?? created.targets),
      qa: { ...parsed(first.targets.get('qa') ?? created.targets), targets: new Map([['1.0', tag('1.0')]]) },
    };
    const { targets: made } = next(delegating({ ...delegation('qa'), ...one('other') }), documents);
    expect([...made.keys()]).toEqual(['targets', 'qa']);
    const delegations = made.get('targets')?.delegations;
    expect(delegations?.roles.map(({ name }) => name)).toEqual(['revocations', 'qa', 'dev']);
    expect(delegations?.keys.has(seededKey('qa').key.keyId)).toBe(false);
    expect([...(made.get('qa')?.targets.keys() ?? [])]).toEqual(['1.0']);
  });

  it('leaves the file of a role that is to be kept', () => {
    const { targets: made } = next({
      delegations: new Map([['targets', { set: [delegation('qa')], keep: ['qa'] }]]),
    });
    expect([...made.keys()]).toEqual(['targets']);
  });

  it('delegates further, parents first', () => {
    const { targets: made } = next({
      delegations: new Map([
        ['qa', { set: [delegation('qa/nightly')] }],
        ['targets', { set: [delegation('qa')] }],
      ]),
    });
    expect([...made.keys()]).toEqual(['targets', 'qa', 'qa/nightly']);
    expect(made.get('qa')?.delegations?.roles.map(({ name }) => name)).toEqual(['qa/nightly']);
  });

  it('takes a delegation away, and writes prefixes where the dialect has them', () => {
    const first = next(delegating(delegation('qa', { paths: ['1.*'], pathPrefixes: ['1.'] })));
    const before = parsed(first.targets.get('targets') ?? created.targets);
    expect(before.delegations?.roles.at(-1)).toMatchObject({ name: 'qa', pathPrefixes: ['1.'] });
    expect(before.delegations?.roles.at(-1)).not.toHaveProperty('paths');
    const edit: DialectEdit = { delegations: new Map([['targets', { remove: ['qa'] }]]) };
    const { targets: made } = next(edit, { targets: before });
    expect(made.get('targets')?.delegations?.roles.map(({ name }) => name)).toEqual(['revocations']);
    expect([...made.keys()]).toEqual(['targets']);
  });

  it('writes tags, revocations and roles to be signed anew', () => {
    const digest = `sha256:${digestHex('x')}`;
    const revoked: Target = { path: digest, length: 0, hashes: new Map([['sha256', digestHex('x')]]) };
    const { targets: made } = next(
      {
        targets: new Map([
          ['targets', { set: [tag('2.0')] }],
          ['revocations', { set: [revoked] }],
        ]),
        resign: new Set(['revocations']),
      },
      { revocations },
    );
    expect([...(made.get('targets')?.targets.keys() ?? [])]).toEqual(['2.0']);
    expect(made.get('revocations')).toMatchObject({ version: 2, targets: new Map([[digest, revoked]]) });
  });

  it('makes the same bytes from the same base, twice', () => {
    const encode = () => {
      const { root: made, targets: drafts } = next({ roles: { root: one('new'), targets: one('other') } });
      return [made, ...drafts.values()].flatMap((draft) =>
        draft ? [Buffer.from(tufDialect.encode(draft)).toString()] : [],
      );
    };
    expect(encode()).toEqual(encode());
    expect(encode()).toHaveLength(2);
  });

  it.each<[string, DialectEdit, string]>([
    ['a key of root in targets', { roles: { targets: one('root') } }, 'KEY_SHARED'],
    ['a key of root in a delegation', delegating({ ...delegation('qa'), ...one('root') }), 'KEY_SHARED'],
    [
      'a key of revocations in a delegation',
      delegating({ ...delegation('qa'), ...one('revocations') }),
      'KEY_SHARED',
    ],
    ['a key of a delegation in root', { roles: { root: one('revocations') } }, 'KEY_SHARED'],
    ['a threshold above the keys', delegating(delegation('qa', { threshold: 2 })), 'THRESHOLD'],
    ['no keys', delegating(delegation('qa', { keys: [] })), 'KEY'],
    ['a delegation named like a top-level role', delegating(delegation('snapshot')), 'ROLE_NAME'],
    ['a delegation named bins', delegating(delegation('bins')), 'ROLE_NAME'],
    ['a delegation set twice', delegating(delegation('qa'), delegation('qa')), 'ROLE_NAME'],
    ['other paths for revocations', delegating({ ...delegation('revocations'), ...one('new') }), 'ROLE_NAME'],
    ['a pattern in braces', delegating(delegation('qa', { paths: ['{a,b}'] })), 'PATTERN'],
    [
      'the end of revocations',
      { delegations: new Map([['targets', { remove: ['revocations'] }]]) },
      'ROLE_NAME',
    ],
    [
      'the end of a role that is not there',
      { delegations: new Map([['targets', { remove: ['qa'] }]]) },
      'ROLE_MISSING',
    ],
    [
      'too many delegations',
      delegating(...Array.from({ length: MAX_DELEGATIONS_PER_ROLE }, (_, index) => delegation(`d${index}`))),
      'SIZE',
    ],
  ])('refuses %s', (_, edit, reason) => {
    expect(reasonOf(() => next(edit))).toBe(reason);
  });

  it('lets two delegations list the same person’s key', () => {
    const same = { ...delegation('releases'), ...one('alice') };
    expect(reasonOf(() => next(delegating(same, { ...same, name: 'alice' })))).toBeUndefined();
  });

  it('refuses one key under two ids in two roles', () => {
    const twin = { ...seededKey('root').key, keyId: digestHex('other') };
    expect(reasonOf(() => next({ roles: { targets: { keys: [twin], threshold: 1 } } }))).toBe('KEY_SHARED');
  });

  it('leaves alone what was shared before and is not touched', () => {
    const shared: Targets = {
      ...targets,
      delegations: {
        keys: root.keys,
        roles: [
          { name: 'qa', keyIds: root.roles.root.keyIds, threshold: 1, terminating: false, paths: ['*'] },
        ],
      },
    };
    expect(reasonOf(() => next({ roles: { snapshot: one('new') } }, { targets: shared }))).toBeUndefined();
    expect(reasonOf(() => next({ roles: { root: one('root') } }, { targets: shared }))).toBe('KEY_SHARED');
  });

  it('refuses to delegate under bins, and targets without its document', () => {
    const succinct = { keyIds: root.roles.targets.keyIds, threshold: 1, bitLength: 8, namePrefix: 'b8' };
    const bins: Targets = { ...targets, delegations: { keys: root.keys, roles: [], succinct } };
    const edit: DialectEdit = { delegations: new Map([['bins', { set: [delegation('qa')] }]]) };
    expect(reasonOf(() => next(edit, { bins }))).toBe('ROLE_NAME');
    const nothing = { root, targets: new Map<string, Targets>() };
    expect(reasonOf(() => nextDocuments(nothing, { resign: new Set(['targets']) }, terms(highest)))).toBe(
      'ROLE_MISSING',
    );
  });

  it('never skips a version of root', () => {
    const base = { root, targets: new Map([['targets', targets]]) };
    expect(reasonOf(() => nextDocuments(base, { renewRoot: true }, terms({ ...highest, root: 2 })))).toBe(
      'VERSION',
    );
  });
});
