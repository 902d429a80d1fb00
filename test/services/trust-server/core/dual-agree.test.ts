import type { Target, Targets } from '@vidimus/tuf';
import { describe, expect, it } from 'vitest';
import { assertAgree, type DialectView } from '../../../../services/trust-server/src/core/publish/agree.ts';
import { TrustError } from '../../../../services/trust-server/src/service.ts';
import { digestOf } from './core-for-test.ts';

const targetOf = (path: string, text: string): Target => ({
  path,
  length: 1,
  hashes: new Map([['sha256', digestOf(text).slice(7)]]),
});

interface Listed {
  readonly tags?: Readonly<Record<string, string>>;
  readonly targets?: readonly Target[];
  /** Delegated roles that take every path, in order. */
  readonly delegates?: readonly string[];
}

function documentOf({ tags = {}, targets = [], delegates = [] }: Listed): Targets {
  const all = [...Object.entries(tags).map(([tag, text]) => targetOf(tag, text)), ...targets];
  return {
    kind: 'targets',
    version: 1,
    expires: 0,
    binding: {},
    fields: {},
    targets: new Map(all.map((target) => [target.path, target])),
    delegations: {
      keys: new Map(),
      roles: delegates.map((name) => ({
        name,
        keyIds: [],
        threshold: 1,
        terminating: false,
        paths: ['*'],
        pathPrefixes: [''],
      })),
    },
  };
}

function view(
  dialect: DialectView['dialect'],
  documents: Readonly<Record<string, Listed>>,
  unread: readonly string[] = Object.keys(documents),
): DialectView {
  return {
    dialect,
    documents: new Map(Object.entries(documents).map(([role, each]) => [role, documentOf(each)])),
    unread: new Set(unread),
  };
}

const errorOf = (views: readonly DialectView[], tags = ['1.0']): TrustError | undefined => {
  try {
    assertAgree(views, tags);
  } catch (error) {
    if (error instanceof TrustError) return error;
    throw error;
  }
  return undefined;
};

const a = { tags: { '1.0': 'a' } };
const b = { tags: { '1.0': 'b' } };
const none = {};

describe('two dialects', () => {
  it.each([
    ['list the same digest', view('tuf', { targets: a }), view('notary', { targets: a })],
    ['list nothing', view('tuf', { targets: none }), view('notary', { targets: none })],
    [
      'list the same in roles of other names',
      view('tuf', { targets: { delegates: ['team'] }, team: a }),
      view('notary', { targets: { delegates: ['releases'] }, releases: a }),
    ],
    [
      'list the same where a role is delegated of which nothing was published',
      view('tuf', { targets: a }),
      view('notary', { targets: { ...a, delegates: ['releases'] } }, ['targets']),
    ],
    [
      'list nothing, and a target that is no image',
      view('tuf', { targets: none }),
      view('notary', {
        targets: { targets: [{ path: '1.0', length: 1, hashes: new Map([['sha512', 'ab']]) }] },
      }),
    ],
  ])('agree when they %s', (_, tuf, notary) => {
    expect(errorOf([tuf, notary])).toBeUndefined();
  });

  it.each([
    ['one lists it alone', view('tuf', { targets: a }), view('notary', { targets: none })],
    ['the other lists it alone', view('tuf', { targets: none }), view('notary', { targets: a })],
    ['they list other digests', view('tuf', { targets: a }), view('notary', { targets: b })],
    [
      'releases, which Docker asks first, lists another one',
      view('tuf', { targets: a }),
      view('notary', { targets: { ...a, delegates: ['releases'] }, releases: b }),
    ],
    [
      'a role below releases hides it from Docker',
      view('tuf', { targets: a }),
      view('notary', {
        targets: { ...a, delegates: ['releases'] },
        releases: { delegates: ['releases/qa'] },
        'releases/qa': a,
      }),
    ],
    [
      'only a TUF client asks a role of another name',
      view('tuf', { targets: { delegates: ['team'] }, team: a }),
      view('notary', { targets: { delegates: ['team'] }, team: a }),
    ],
    [
      'a published role was not looked at, whatever it may say',
      view('tuf', { targets: a }),
      view('notary', { targets: { ...a, delegates: ['releases'] } }, ['targets', 'releases']),
    ],
  ])('disagree when %s', (_, tuf, notary) => {
    const error = errorOf([tuf, notary]);
    expect(error?.code).toBe('DIALECTS_DISAGREE');
    expect(error?.detail['tag']).toBe('1.0');
  });

  it('are told apart in the answer', () => {
    const error = errorOf([view('tuf', { targets: a }), view('notary', { targets: none })]);
    expect(error?.detail).toEqual({ tag: '1.0', tuf: digestOf('a'), notary: null });
    expect(error?.message).toContain('nothing in the dialect notary');
  });

  it('are only asked about the tags that matter', () => {
    expect(errorOf([view('tuf', { targets: a }), view('notary', { targets: b })], ['2.0'])).toBeUndefined();
  });

  it('that are one cannot disagree', () => {
    expect(errorOf([view('tuf', { targets: a })])).toBeUndefined();
  });
});
