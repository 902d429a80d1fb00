/** How a refusal with several causes is told: the gravest first, each once, in the order it was found. */

import { createColors } from 'picocolors';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { decisionLines } from '../../packages/cli/src/output/decision-lines.ts';
import { trustWarningLines } from '../../packages/cli/src/output/trust-warnings.ts';
import { helloImage } from '../support/image-builder.ts';
import { makePullingWorld, type PullingWorld } from './pulling-world.ts';

const tool = helloImage('tool');
const colors = createColors(false);
let world: PullingWorld;

beforeEach(async () => {
  world = await makePullingWorld();
  world.sign('1.0', tool);
  world.publish();
});
afterEach(async () => {
  await world.close();
});

describe('a refusal', () => {
  it('tells each code where it comes first', async () => {
    const verification = await world.verify(':9.9');
    const [failure] = verification.decision.failures;
    if (failure === undefined) throw new Error('not refused');
    const codes = ['EXPIRED', 'NOT_VOUCHED', 'EXPIRED', 'ROLLBACK', 'NOT_VOUCHED', 'DIGEST_REVOKED'] as const;
    const failures = codes.map((code, position) => ({ ...failure, code, summary: `${code} ${position}` }));
    const decision = { ...verification.decision, failures };
    const lines = decisionLines({ ...verification, decision }, colors, world.simulator.now);
    expect(lines[0]).toMatch(/ {2}DIGEST_REVOKED$/);
    const why = lines.flatMap((line) => /why .*: (\S+ \d)$/.exec(line)?.[1] ?? []);
    expect(why).toEqual(['DIGEST_REVOKED 5', 'EXPIRED 0', 'NOT_VOUCHED 1', 'ROLLBACK 3']);
  });

  it('prints text of others with what could move the cursor escaped', async () => {
    world.revoke(tool.digest);
    const { documents } = world.simulator;
    const revoked = JSON.stringify(documents.get('revocations')).replace('a hole', 'x\\u001b[2J\\u202e');
    documents.set('revocations', JSON.parse(revoked));
    world.publish();
    const { exit, stdout } = await world.run(['verify', `${world.repository}:1.0`]);
    expect(exit).toBe(1);
    expect(stdout).toMatch(/DIGEST_REVOKED/);
    expect(stdout).not.toMatch(/[\u001b\u202e]/);
  });
});

describe('what the client noticed on the way', () => {
  it('is told once, and not what the decision tells', () => {
    const warning = { repository: 'registry.example.com/shop/web', detail: { version: 1 } };
    const codes = ['OFFLINE', 'STALE', 'FIRST_USE', 'FIRST_USE', 'CACHED_FILE_IGNORED'];
    const warnings = codes.map((code) => ({ ...warning, code }));
    expect(trustWarningLines(warnings, colors)).toEqual([
      'WARNING  registry.example.com/shop/web: its first root was taken on trust; pin it: vidimus anchor pin  FIRST_USE',
      'WARNING  registry.example.com/shop/web: version 1  CACHED_FILE_IGNORED',
    ]);
  });

  it('goes to stderr, and the answer stays the answer', async () => {
    await world.run(['verify', `${world.repository}:1.0`]);
    world.simulator.now -= 3_600_000;
    const { exit, stdout, stderr } = await world.run(['verify', `${world.repository}:1.0`]);
    expect([exit, stdout.split(' ')[0]]).toEqual([0, 'ALLOWED']);
    expect(stderr).toMatch(/^WARNING {2}.* CLOCK_BEHIND$/m);
    expect((await world.run(['verify', '-q', `${world.repository}:1.0`])).stderr).toBe('');
  });
});
