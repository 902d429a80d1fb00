import type { JsonObject } from '@vidimus/canonical-json';
import { EMPTY_LOG_HASH, hashLogged, TufError } from '@vidimus/tuf';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { type LoggedEvent, parseEvent } from '../../../../packages/trust-client/src/audit/logged-event.ts';
import { TrustClientError } from '../../../../packages/trust-client/src/errors.ts';
import { digestOf, openCore } from '../../../services/trust-server/core/core-for-test.ts';
import { type EmbeddedForTest, openEmbeddedForTest } from '../../../support/database-embedded.ts';
import { alice, auditServed, carol, readServed, type Served, tellStory } from './audit-bed.ts';

const repository = 'registry.example.com/audit/story';
let opened: EmbeddedForTest;
let served: Served;
/** As it was before the last tag was signed: a client kept its timestamp. */
let earlier: Served;

beforeAll(async () => {
  opened = await openEmbeddedForTest();
  const core = openCore(opened.database, { seed: 'audit' });
  earlier = await tellStory(core, repository);
  served = await readServed(core, repository);
});
afterAll(async () => {
  await opened.close();
});

/** What an audit ends in. */
function codeOf(work: () => unknown): string {
  try {
    work();
    return 'none';
  } catch (error) {
    if (error instanceof TrustClientError || error instanceof TufError) return error.code;
    throw error;
  }
}

/** The log as a server would have it that changed an event and hashed all anew. */
function rewritten(
  events: readonly LoggedEvent[],
  edit: (raw: JsonObject) => JsonObject,
): readonly LoggedEvent[] {
  let prevHash = EMPTY_LOG_HASH;
  return events.map(({ raw }) => {
    const next: JsonObject = { ...edit(raw), prevHash };
    prevHash = hashLogged(prevHash, next);
    return parseEvent({ ...next, hash: prevHash });
  });
}

const renamed = (raw: JsonObject): JsonObject =>
  raw['actor'] === 'token:carol' ? { ...raw, actor: 'token:mallory' } : raw;

describe('an audit of a tag', () => {
  it('says who vouches for it now, by which keys', () => {
    expect(auditServed(served, { tag: '1.4.2' }).report.now).toMatchObject({
      digest: digestOf('second'),
      path: [
        { role: 'root' },
        { role: 'targets' },
        { role: 'releases', keyIds: [alice.tuf.keyId], threshold: 1 },
      ],
    });
  });

  it('tells that it was signed, lost its key, was signed again by another one, and moved', () => {
    const { lines } = auditServed(served, { tag: '1.4.2' }).report;
    const told = lines
      .filter(({ event }) => !event.action.startsWith('change.'))
      .map(({ event, standing, signedBy, effect, was }) => ({
        action: event.action,
        standing,
        keys: signedBy?.at(-1)?.keyIds,
        ...(effect && { effect }),
        ...(was?.digest && { was: was.digest }),
      }));
    expect(told).toEqual([
      { action: 'tag.sign', standing: 'signed', keys: [carol.tuf.keyId] },
      { action: 'key.revoke', standing: 'signed', keys: undefined, effect: { code: 'THRESHOLD' } },
      {
        action: 'role.resign',
        standing: 'signed',
        keys: [alice.tuf.keyId],
        effect: { digest: digestOf('first') },
      },
      { action: 'tag.sign', standing: 'signed', keys: [alice.tuf.keyId], was: digestOf('first') },
    ]);
  });

  it('leaves out what is about other tags and about roles that never vouched for it', () => {
    const { lines } = auditServed(served, { tag: 'other' }).report;
    expect(lines.map(({ event }) => event.action)).toEqual(['tag.sign']);
  });

  it('knows that the times of what was published are signed, too', () => {
    const { lines } = auditServed(served, { tag: '1.4.2' }).report;
    const published = lines.filter(({ event }) => event.versions !== undefined);
    expect(published.every(({ isTimeSigned }) => isTimeSigned)).toBe(true);
  });

  it('calls what nothing signed the word of the server', () => {
    const { lines } = auditServed(served, { tag: '1.4.2' }).report;
    const steps = lines.filter(({ event }) => event.action === 'change.sign');
    expect(steps.length).toBeGreaterThan(0);
    expect(new Set(steps.map(({ standing }) => standing))).toEqual(new Set(['word']));
  });

  it('takes files that are not served for nobody’s word', () => {
    const files = new Map([...served.files].filter(([name]) => name !== '2.releases'));
    const { lines } = auditServed({ ...served, files }, { tag: '1.4.2' }).report;
    expect(lines.find(({ event }) => event.action === 'tag.sign')).toMatchObject({ standing: 'word' });
  });

  it('covers the whole repository without a tag', () => {
    const { report } = auditServed(served);
    expect(report.lines.map(({ event }) => event.seq)).toEqual(served.events.map(({ seq }) => seq));
    expect(report.lines.some(({ standing }) => standing === 'contradicted')).toBe(false);
    expect(report.log).toEqual({ first: 1, last: served.events.length, signedTo: served.events.length });
  });

  it('is empty for a tag that never was', () => {
    const { report } = auditServed(served, { tag: 'never' });
    expect(report).toMatchObject({ lines: [], now: { path: [] } });
  });
});

describe('a log that is not what it was', () => {
  const cut = (at: number) => served.events.filter((_, index) => index !== at);

  it.each([
    [
      'an event changed in its place',
      () => served.events.map((event, index) => (index === 7 ? parseEvent(renamed(event.raw)) : event)),
    ],
    ['every event after it hashed anew', () => rewritten(served.events, renamed)],
    ['the last event cut off', () => served.events.slice(0, -1)],
    ['an event left out in the middle', () => cut(5)],
    ['an event left out, and the rest hashed anew', () => rewritten(cut(5), (raw) => raw)],
    [
      'an event left out, and the rest numbered and hashed anew',
      () =>
        rewritten(cut(5), (raw) => raw).map((event, index) => parseEvent({ ...event.raw, seq: index + 1 })),
    ],
    [
      'two events changed over',
      () => {
        const events = [...served.events];
        events.splice(3, 2, ...events.slice(3, 5).reverse());
        return events;
      },
    ],
    ['nothing at all', () => []],
    [
      'an event of another repository',
      () => rewritten(served.events, (raw) => ({ ...raw, repository: 'r.io/x' })),
    ],
  ])('is found out: %s', (_, events) => {
    expect(codeOf(() => auditServed(served, { events: events() }))).toBe('AUDIT_TAMPERED');
  });

  it('goes on from a timestamp that was kept, where it only grew', () => {
    const { report } = auditServed(served, { kept: earlier.timestamp });
    expect(report.keptIsOnChain).toBe(true);
  });

  it('is found out when it ends before a timestamp that was kept', () => {
    const subject = { ...earlier, kept: served.timestamp };
    expect(codeOf(() => auditServed(earlier, subject))).toBe('AUDIT_TAMPERED');
  });
});
