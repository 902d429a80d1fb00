/** What is ahead over all repositories: problems foretold, counted for metrics without a name of any repository. */
import { Registry } from 'prom-client';
import { describe, expect, it } from 'vitest';
import { createOutlookMetrics } from '../../../../../services/trust-server/src/core/index.ts';
import { createCertificateEnds } from '../../../../../services/trust-server/src/core/read/certificate-ends.ts';
import {
  createOutlook,
  type Outlook,
  outlookMaxAgeMs,
  readOutlook,
} from '../../../../../services/trust-server/src/core/read/outlook.ts';
import { type DatabaseForSuite, describeEachDatabase } from '../../../../support/each-database.ts';
import {
  bodyOf,
  call,
  changeOf,
  clientKey,
  day,
  managed,
  openCore,
  signRoot,
  startMs,
} from '../core-for-test.ts';
import { dualManaged } from '../dual-for-test.ts';

const seen: Outlook = {
  repositories: 3,
  withProblem: new Map([['ROLE_EXPIRING', 2]]),
  ok: 1,
  openChanges: 4,
  nearestExpiryMs: new Map([['holders', startMs]]),
};

describeEachDatabase('what is ahead', (given: DatabaseForSuite) => {
  it('is known of roles that others hold, of certificates, and of changes that wait', async () => {
    const { service, clock } = openCore(given.database());
    const nameOf = (name: string): string => `registry.example.com/ahead/${name}`;
    const { db } = given.database();
    const certificates = createCertificateEnds();
    const look = () => readOutlook(db, certificates, clock.nowMs);

    expect(await look()).toEqual({
      repositories: 0,
      withProblem: new Map(),
      ok: 0,
      openChanges: 0,
      nearestExpiryMs: new Map(),
    });
    const key = clientKey('ahead');
    const held = { roles: { root: { keys: [{ custody: 'client' as const, key: key.declared }] } } };
    const first = await changeOf(service.createRepository(call, nameOf('held'), held));
    const signatures = [await signRoot(first, key)];
    await service.signChange(call, nameOf('held'), first.id, { signatures });
    await bodyOf(service.createRepository(call, nameOf('managed'), managed));
    await bodyOf(service.createRepository(call, nameOf('dual'), dualManaged));
    await service.createRepository(call, nameOf('waits'), held);

    const now = await look();
    expect([now.repositories, now.ok, now.openChanges]).toEqual([3, 1, 1]);
    expect(now.withProblem).toEqual(new Map([['ROOT_ONLINE', 2]]));
    expect(now.nearestExpiryMs).toEqual(
      new Map([
        ['service', startMs + day],
        ['holders', startMs + 365 * day],
      ]),
    );

    clock.nowMs = startMs + 3_500 * day;
    const later = await look();
    expect(later.withProblem.get('KEY_EXPIRING')).toBe(1);
    expect(later.withProblem.get('ROLE_EXPIRED')).toBe(3);
    const all = { mayRead: () => true };
    const told = await service.listRepositories({ ...all, problem: 'KEY_EXPIRING' }, { limit: 5 });
    expect(told.items.map(({ repository }) => repository)).toEqual([nameOf('dual')]);
    const { problems } = await service.readRepository(nameOf('dual'));
    expect(problems.find(({ code }) => code === 'KEY_EXPIRING')).toMatchObject({
      role: 'root',
      dialect: 'notary',
      expires: new Date(startMs + 3_650 * day).toISOString().replace('.000', ''),
    });
  });
});

describe('the gauges', () => {
  it('have values once somebody has looked, by code and kind alone', async () => {
    const registry = new Registry();
    const { outlook } = createOutlookMetrics(registry);
    const values = async () =>
      (await registry.metrics()).split('\n').filter((line) => line !== '' && !line.startsWith('#'));
    expect(await values()).toEqual([]);
    outlook?.(seen);
    expect(await values()).toEqual([
      `vidimus_nearest_expiry_timestamp_seconds{renewed_by="holders"} ${startMs / 1_000}`,
      'vidimus_repositories_with_problem{code="VERSION_UNCERTAIN"} 0',
      'vidimus_repositories_with_problem{code="ROLE_EXPIRED"} 0',
      'vidimus_repositories_with_problem{code="ROLE_EXPIRING"} 2',
      'vidimus_repositories_with_problem{code="KEY_EXPIRING"} 0',
      'vidimus_repositories_with_problem{code="ROOT_ONLINE"} 0',
      'vidimus_repositories_with_problem{code="MIRROR_ROOT_OUTDATED"} 0',
      'vidimus_repositories_with_problem{code="TARGET_NOT_MIRRORED"} 0',
      'vidimus_repositories_with_problem{code="KEY_REVOKED_LISTED"} 0',
      'vidimus_repositories_with_problem{code="CHANGE_OPEN"} 0',
      'vidimus_repositories{state="ok"} 1',
      'vidimus_repositories{state="problem"} 2',
      'vidimus_changes{state="open"} 4',
    ]);
    outlook?.({ ...seen, nearestExpiryMs: new Map() });
    expect((await values()).some((line) => line.includes('nearest_expiry'))).toBe(false);
  });
});

describe('the look ahead', () => {
  it('is repeated when it is old, also after one that failed, and for nobody never', async () => {
    let nowMs = startMs;
    let looks = 0;
    const told: Outlook[] = [];
    const parts = {
      now: () => nowMs,
      read: async () => {
        looks += 1;
        if (looks === 2) throw new Error('no database');
        return seen;
      },
    };
    const look = createOutlook({ ...parts, tell: (outlook) => void told.push(outlook) });
    await look();
    await look();
    expect([looks, told]).toEqual([1, [seen]]);
    nowMs += outlookMaxAgeMs;
    await expect(look()).rejects.toThrow('no database');
    await look();
    expect(looks).toBe(2);
    nowMs += outlookMaxAgeMs;
    await look();
    expect(told).toHaveLength(2);
    await createOutlook(parts)();
    expect(looks).toBe(3);
  });
});
