import { sha256Hex } from '@vidimus/crypto';
import { TufError } from '@vidimus/tuf';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { PinnableAnchor } from '../../../../packages/trust-client/src/anchor/anchor-file.ts';
import { MAX_BUNDLE_BYTES } from '../../../../packages/trust-client/src/audit/bundle.ts';
import { verifyBundle } from '../../../../packages/trust-client/src/audit/verify-bundle.ts';
import { TrustClientError } from '../../../../packages/trust-client/src/errors.ts';
import { call, managed, openCore, tagOf } from '../../../services/trust-server/core/core-for-test.ts';
import { type EmbeddedForTest, openEmbeddedForTest } from '../../../support/database-embedded.ts';
import { auditServed, hour, readServed, type Served } from './audit-bed.ts';

const repository = 'registry.example.com/audit/bundle';
let opened: EmbeddedForTest;
let served: Served;
let bytes: Uint8Array;
let foreign: Uint8Array;

beforeAll(async () => {
  opened = await openEmbeddedForTest();
  const core = openCore(opened.database, { seed: 'bundle' });
  for (const name of [repository, 'registry.example.com/audit/foreign']) {
    await core.service.createRepository(call, name, managed);
    await core.service.putTag(call, name, '1.0', tagOf('one'));
    core.clock.nowMs += hour;
    await core.service.putTag(call, name, '1.0', tagOf('two'));
  }
  served = await readServed(core, repository);
  bytes = auditServed(served, { tag: '1.0' }).bytes;
  foreign = (await readServed(core, 'registry.example.com/audit/foreign')).roots[0] ?? new Uint8Array();
});
afterAll(async () => {
  await opened.close();
});

function codeOf(file: Uint8Array, own?: PinnableAnchor): string {
  try {
    verifyBundle(file, () => own);
    return 'none';
  } catch (error) {
    if (error instanceof TrustClientError || error instanceof TufError) return error.code;
    throw error;
  }
}

interface Plain {
  [member: string]: unknown;
  events: Record<string, unknown>[];
  files: { role: string; version: number; bytes: string }[];
  roots: string[];
  timestamp: string;
}

/** What a forger writes, who knows how the checksum is made. */
function forged(edit: (plain: Plain) => void): Uint8Array {
  const plain = JSON.parse(Buffer.from(bytes).toString('utf8')) as Plain;
  edit(plain);
  const { sha256: _, ...rest } = plain;
  const sha256 = sha256Hex(new TextEncoder().encode(JSON.stringify(rest)));
  return new TextEncoder().encode(`${JSON.stringify({ ...rest, sha256 })}\n`);
}

/** The report as text, for telling whether a forgery can be seen in it. */
function seen(file: Uint8Array): string {
  return JSON.stringify(verifyBundle(file).report, (_, value: unknown) =>
    value instanceof Map ? [...value] : value,
  );
}

describe('a bundle', () => {
  it('verifies with nothing but itself, and says the same as the audit that made it', () => {
    const { report, anchored } = verifyBundle(bytes);
    expect(report).toEqual(auditServed(served, { tag: '1.0' }).report);
    expect(report.lines.map(({ standing }) => standing)).toEqual(['signed', 'signed']);
    expect(anchored).toBe('bundle');
  });

  it('verifies under what this machine pinned, and not under another root', () => {
    const [root = new Uint8Array()] = served.roots;
    expect(verifyBundle(bytes, () => ({ kind: 'root', bytes: root })).anchored).toBe('own');
    expect(codeOf(bytes, { kind: 'keyIds', keyIds: ['ab'.repeat(32)], threshold: 1 })).toBe(
      'ANCHOR_MISMATCH',
    );
    expect(codeOf(bytes, { kind: 'root', bytes: foreign })).toBe('BINDING');
  });

  it('does not verify when any byte of it was changed', () => {
    // Every byte costs a look at the whole: all of the first ones, then every 101st, each in a way of its own.
    for (let at = 0; at < bytes.length; at += at < 256 ? 1 : 101) {
      const spoiled = Uint8Array.from(bytes);
      spoiled[at] = (spoiled[at] ?? 0) ^ (1 << (at % 8));
      expect(codeOf(spoiled), `byte ${at}`).toBe('AUDIT_INVALID');
    }
  });

  it('does not verify when it was cut off anywhere, or goes on', () => {
    for (let length = 0; length < bytes.length; length += 997) {
      expect(codeOf(bytes.subarray(0, length))).toBe('AUDIT_INVALID');
    }
    expect(codeOf(Buffer.concat([bytes, Buffer.from(' ')]))).toBe('AUDIT_INVALID');
  });

  it.each([
    ['nothing', ''],
    ['something else', '{}\n'],
    ['no JSON', 'vidimus'],
    ['a list', '[]\n'],
    ['deep nesting', `${'['.repeat(100_000)}\n`],
  ])('is refused where it is %s', (_, text) => {
    expect(codeOf(new TextEncoder().encode(text))).toBe('AUDIT_INVALID');
  });

  it('is refused before it is read where it is huge', () => {
    const huge = { length: MAX_BUNDLE_BYTES + 1 } as Uint8Array;
    expect(() => verifyBundle(huge)).toThrow(/bytes/);
  });
});

describe('a forged bundle, its checksum made anew', () => {
  const spoil = (text: string): string =>
    `${text.slice(0, 400)}${text[400] === 'A' ? 'B' : 'A'}${text.slice(401)}`;

  it.each<readonly [string, (plain: Plain) => void]>([
    [
      'a root',
      (plain) => {
        plain.roots = plain.roots.map(spoil);
      },
    ],
    [
      'the timestamp',
      (plain) => {
        plain.timestamp = spoil(plain.timestamp);
      },
    ],
    [
      'who acted',
      (plain) => {
        (plain.events[1] ?? {})['actor'] = 'token:nobody';
      },
    ],
    [
      'when',
      (plain) => {
        (plain.events[1] ?? {})['at'] = '2026-11-20T09:00:00Z';
      },
    ],
    [
      'what',
      (plain) => {
        (plain.events[1] ?? {})['action'] = 'tag.move';
      },
    ],
    [
      'a member that nobody knows',
      (plain) => {
        (plain.events[1] ?? {})['note'] = 'x';
      },
    ],
    [
      'the place of an event',
      (plain) => {
        (plain.events[1] ?? {})['seq'] = 7;
      },
    ],
    [
      'the incarnation of an event',
      (plain) => {
        (plain.events[1] ?? {})['incarnation'] = 2;
      },
    ],
    [
      'an event taken out',
      (plain) => {
        plain.events.splice(1, 1);
      },
    ],
    [
      'the last event taken out',
      (plain) => {
        plain.events.pop();
      },
    ],
    [
      'the repository',
      (plain) => {
        plain['repository'] = 'registry.example.com/audit/other';
      },
    ],
    [
      'a file twice',
      (plain) => {
        plain.files.push(...plain.files.slice(0, 1));
      },
    ],
    [
      'a file that nothing needs',
      (plain) => {
        plain.files.push({ role: 'x', version: 1, bytes: 'AAAA' });
      },
    ],
    [
      'no roots',
      (plain) => {
        plain.roots = [];
      },
    ],
    [
      'a member more',
      (plain) => {
        plain['more'] = 1;
      },
    ],
    [
      'another format',
      (plain) => {
        plain['format'] = 'vidimus.audit/2';
      },
    ],
  ])('is refused: %s', (_, edit) => {
    expect(codeOf(forged(edit))).not.toBe('none');
  });

  it('cannot change a signed file without showing it', () => {
    const whole = seen(bytes);
    for (const index of served.events.keys()) {
      const file = forged((plain) => {
        plain.files = plain.files.map((each, at) =>
          at === index ? { ...each, bytes: spoil(each.bytes) } : each,
        );
      });
      if (file.length === bytes.length && Buffer.compare(file, bytes) === 0) continue;
      const code = codeOf(file);
      if (code === 'none') expect(seen(file)).not.toBe(whole);
    }
  });

  it('cannot leave a signed file out without showing it', () => {
    const whole = verifyBundle(bytes).report.lines.filter(({ standing }) => standing === 'signed');
    const file = forged((plain) => {
      plain.files = plain.files.filter(({ role, version }) => role !== 'targets' || version !== 2);
    });
    const left = verifyBundle(file).report.lines;
    expect(left.filter(({ standing }) => standing === 'signed').length).toBeLessThan(whole.length);
  });

  it('cannot speak of another tag than it was made for', () => {
    const file = forged((plain) => {
      plain['tag'] = '1.1';
    });
    expect(codeOf(file)).toBe('AUDIT_INVALID');
  });
});
