/** The audit on PostgreSQL; and what a timestamp that somebody kept says of a database that was tampered with. */
import { openDatabase } from '@vidimus/database';
import postgres from 'postgres';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { TrustClientError } from '../../../../../packages/trust-client/src/errors.ts';
import { chainEvents, EMPTY_LOG } from '../../../../../services/trust-server/src/core/audit/event-chain.ts';
import {
  auditServed,
  hour,
  readServed,
  type Served,
} from '../../../../packages/trust-client/audit/audit-bed.ts';
import { describeEachDatabase, openPostgresForTest } from '../../../../support/each-database.ts';
import { type CoreForTest, call, managed, openCore, tagOf } from '../core-for-test.ts';
import { auditSuite } from './audit-suite.ts';

describeEachDatabase('the audit', auditSuite);

describe('a superuser who switches the triggers off', () => {
  let opened: Awaited<ReturnType<typeof openPostgresForTest>>;
  let sql: postgres.Sql;
  let core: CoreForTest;
  let names = 0;
  beforeAll(async () => {
    opened = await openPostgresForTest();
    sql = postgres(opened.url, { max: 1, onnotice: () => undefined });
    core = openCore(opened.database, { seed: 'tampered' });
  });
  afterAll(async () => {
    await sql.end();
    await opened.close();
  });

  /** A repository with a story, and what a client kept of it. */
  async function begin(): Promise<{ readonly repository: string; readonly kept: Served }> {
    names += 1;
    const repository = `registry.example.com/tampered/r-${names}`;
    await core.service.createRepository(call, repository, managed);
    await core.service.putTag({ ...call, actor: 'token:carol' }, repository, 'a', tagOf('one'));
    core.clock.nowMs += hour;
    await core.service.putTag(call, repository, 'a', tagOf('two'));
    return { repository, kept: await readServed(core, repository) };
  }

  const tamper = async (work: () => Promise<unknown>): Promise<void> => {
    await sql`alter table trust_events disable trigger user`;
    await sql`alter table trust_event_tags disable trigger user`;
    await work();
    await sql`alter table trust_events enable trigger user`;
    await sql`alter table trust_event_tags enable trigger user`;
  };

  /** What an audit of the present state says, given what was kept. */
  async function verdict(repository: string, kept?: Uint8Array): Promise<string> {
    const fresh = openCore(opened.database, { seed: `reader ${names}`, clock: core.clock });
    const served = await readServed(fresh, repository);
    try {
      auditServed(served, kept === undefined ? {} : { kept });
      return 'none';
    } catch (error) {
      if (error instanceof TrustClientError) return error.code;
      throw error;
    }
  }

  it('is found out when an event is rewritten', async () => {
    const { repository } = await begin();
    await tamper(
      () => sql`update trust_events set actor = 'token:nobody' where repository = ${repository} and seq = 2`,
    );
    expect(await verdict(repository)).toBe('AUDIT_TAMPERED');
  });

  it('is found out when the end of the table is cut off', async () => {
    const { repository } = await begin();
    await tamper(async () => {
      await sql`delete from trust_event_tags where repository = ${repository} and seq = 3`;
      await sql`delete from trust_events where repository = ${repository} and seq = 3`;
    });
    expect(await verdict(repository)).toBe('AUDIT_TAMPERED');
  });

  it('is found out when two events change places', async () => {
    const { repository } = await begin();
    await tamper(async () => {
      await sql`alter table trust_event_tags drop constraint trust_event_tags_event_fk`;
      await sql`update trust_events set seq = case seq when 2 then 1002 else 1003 end where repository = ${repository} and seq in (2, 3)`;
      await sql`update trust_events set seq = case seq when 1002 then 3 else 2 end where repository = ${repository} and seq > 1000`;
    });
    expect(await verdict(repository)).toBe('AUDIT_TAMPERED');
  });

  it('is found out by one kept timestamp, though all was hashed anew and the service signed the new head', async () => {
    const { repository, kept } = await begin();
    const bodies = kept.events.map(({ raw }) => raw);
    const drafts = kept.events.map((event) => ({
      action: event.action,
      actor: event.actor === 'token:carol' ? 'token:mallory' : event.actor,
      requestId: String(event.raw['requestId']),
      result: event.result,
      ...(event.versions && { versions: event.versions }),
      ...(event.before && { before: event.before }),
      ...(event.after && { after: event.after }),
    }));
    let log = EMPTY_LOG;
    await tamper(async () => {
      for (const [index, draft] of drafts.entries()) {
        const id = String(bodies[index]?.['id']);
        const { events, head } = chainEvents(log, [draft], {
          repository,
          at: kept.events[index]?.at ?? '',
          newId: () => id,
        });
        log = head;
        const [made] = events;
        if (made === undefined) throw new Error('no event');
        await sql`update trust_events set actor = ${draft.actor}, prev_hash = ${made.prevHash}, hash = ${made.hash} where id = ${id}`;
      }
      await sql`update trust_repositories set log_hash = ${log.hash} where repository = ${repository}`;
    });
    core.clock.nowMs += hour;
    const thief = openCore(opened.database, { seed: 'thief', clock: core.clock });
    await thief.service.putTag(call, repository, 'b', tagOf('three'));
    // Whoever kept nothing sees a whole log, signed.
    expect(await verdict(repository)).toBe('none');
    expect(await verdict(repository, kept.timestamp)).toBe('AUDIT_TAMPERED');
  });

  it('cannot go on writing to a log that was cut off', async () => {
    const { repository } = await begin();
    await tamper(async () => {
      await sql`delete from trust_event_tags where repository = ${repository} and seq = 3`;
      await sql`delete from trust_events where repository = ${repository} and seq = 3`;
    });
    await expect(core.service.putTag(call, repository, 'c', tagOf('four'))).rejects.toMatchObject({
      code: 'INTERNAL',
    });
  });

  it('leaves a log that only grew as it was for whoever kept its head', async () => {
    const { repository, kept } = await begin();
    await core.service.putTag(call, repository, 'b', tagOf('three'));
    const again = await openDatabase({ url: opened.url });
    await again.close();
    expect(await verdict(repository, kept.timestamp)).toBe('none');
  });
});
