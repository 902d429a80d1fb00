/** `npm run demo` in a process of its own, with the real docker-registry: every step comes out as it is told. */
import { describe, expect, it } from 'vitest';
import { runProgram } from '../../support/foreign-program.ts';

describe('the demo', () => {
  it('allows what is signed, and refuses each attack with its code', async () => {
    const { stdout } = await runProgram('npm', ['run', '--silent', 'demo']);
    expect(stdout).toContain('the real docker-registry');
    for (const code of ['NOT_VOUCHED', 'TAG_MOVED', 'DIGEST_REVOKED', 'ROLLBACK'])
      expect(stdout, code).toMatch(new RegExp(`^ +DENIED .* ${code}$`, 'm'));
    expect(stdout).toMatch(/^All \d+ steps came out as told/m);
  });
});
