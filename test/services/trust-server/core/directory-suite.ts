/** The organisation's directory over HTTP: entries edited, signed at once or by others, and fetched as TUF clients do. */
import { createOwnRegistryTokens, toIdentity } from '@vidimus/access';
import { fromBase64, sha256Hex, toHex } from '@vidimus/crypto';
import { verifyChange } from '@vidimus/trust-client';
import { createTrustServer } from '@vidimus/trust-server';
import { findDirectoryEntry } from '@vidimus/tuf';
import type { Hono } from 'hono';
import { beforeAll, describe, expect, it } from 'vitest';
import { z } from 'zod';
import { recoveryOf } from '../../../support/directory-simulator.ts';
import type { DatabaseForSuite } from '../../../support/each-database.ts';
import { ed25519Key } from '../../../support/tuf-keys.ts';
import { bearer, serverParts, codeOf as statusAndCode, token, write } from '../trust-server-for-test.ts';
import {
  Client,
  type CoreForTest,
  call,
  type changeOf,
  clientKey,
  managed,
  openCore,
  tagOf,
} from './core-for-test.ts';

const reader = `vdm_${'b'.repeat(43)}`;
const one = 'a'.repeat(64);
const entry = { roots: { tuf: { keyIds: [one], threshold: 1 } }, trustServer: 'https://trust.example.com' };
const pattern = 'registry.example.com/shop/**';

export function directorySuite(given: DatabaseForSuite): void {
  let core: CoreForTest;
  let app: Hono;

  beforeAll(async () => {
    core = openCore(given.database(), { seed: 'directory' });
    const now = () => core.clock.nowMs;
    app = createTrustServer({
      ...serverParts(),
      service: core.service,
      authenticator: {
        authenticate: async (text) => {
          if (text === token) return toIdentity('token:t1', 'admin', ['**']);
          return text === reader ? toIdentity('token:t2', 'signer', ['**']) : undefined;
        },
      },
      now,
      notary: {
        service: core.service,
        access: 'open',
        gunPrefixes: [],
        tokens: createOwnRegistryTokens(new Uint8Array(32), now),
      },
    });
  });

  const codeOf = async (answer: Response): Promise<string> =>
    (await statusAndCode(answer)).replace(/^\d+ /, '');
  const at = (name: string): string => `/v2/_directory/_trust/entries/${encodeURIComponent(name)}`;
  const put = (name: string, body: unknown, query = '') =>
    app.request(`${at(name)}${query}`, write('PUT', body));
  const get = (path: string) => app.request(path, { headers: bearer });

  describe('a directory', () => {
    it('has entries only once it exists', async () => {
      expect(await codeOf(await put(pattern, entry))).toBe('REPOSITORY_UNKNOWN');
      expect(await codeOf(await get('/v2/_directory/_trust/entries'))).toBe('REPOSITORY_UNKNOWN');
      await core.service.createRepository(call, '_directory', managed);
      expect(await (await get('/v2/_directory/_trust/entries')).json()).toEqual({ items: [], next: null });
    });

    it('takes an entry, which clients then find', async () => {
      const dry = await put(pattern, entry, '?dryRun=true');
      expect(await dry.json()).toMatchObject({ pattern, published: { targets: 2 }, dryRun: true });
      const answer = await put(pattern, entry);
      expect(answer.status).toBe(200);
      expect(await answer.json()).toMatchObject({ pattern, published: { targets: 2 } });
      expect(await (await put(pattern, entry)).json()).toEqual({ pattern, published: {} });
      expect(await (await get(at(pattern))).json()).toEqual({ pattern, ...entry });
      const client = await new Client(core, '_directory').pin();
      const { targets } = await client.refresh();
      expect(findDirectoryEntry(targets.document.targets, 'registry.example.com/shop/web')).toMatchObject({
        pattern,
        roots: entry.roots,
      });
    });

    it('serves it as the file that its target names, in the folders of its pattern', async () => {
      const client = await new Client(core, '_directory').pin();
      const { targets } = await client.refresh();
      const sha256 = targets.document.targets.get(pattern)?.hashes.get('sha256') ?? '';
      const file = await app.request(`/v2/_directory/_trust/targets/registry.example.com/shop/${sha256}.**`);
      expect(file.status).toBe(200);
      const bytes = new Uint8Array(await file.arrayBuffer());
      expect(sha256Hex(bytes)).toBe(sha256);
      expect(JSON.parse(Buffer.from(bytes).toString())).toEqual(entry);
      for (const path of [
        `registry.example.com/shop/${'0'.repeat(64)}.**`,
        `registry.example.com/${sha256}.**`,
        `${sha256}.**`,
        `registry.example.com/shop/${sha256}`,
      ]) {
        expect((await app.request(`/v2/_directory/_trust/targets/${path}`)).status).toBe(404);
      }
    });

    it('takes notary keys and recovery keys, too, and replaces an entry as a whole', async () => {
      const body = {
        roots: { tuf: { keyIds: [one], threshold: 1 }, notary: { keyIds: [one], threshold: 1 } },
        recovery: recoveryOf([ed25519Key('spare')]),
      };
      expect((await put('registry.example.com/pair', body)).status).toBe(200);
      expect(await (await get(at('registry.example.com/pair'))).json()).toEqual({
        pattern: 'registry.example.com/pair',
        ...body,
      });
      expect((await put('registry.example.com/pair', entry)).status).toBe(200);
      expect(await (await get(at('registry.example.com/pair'))).json()).toEqual({
        pattern: 'registry.example.com/pair',
        ...entry,
      });
    });

    it('is read in pages', async () => {
      const first = z
        .object({ items: z.array(z.object({ pattern: z.string() })), next: z.string() })
        .parse(await (await get('/v2/_directory/_trust/entries?limit=1')).json());
      const second = await (await get(`/v2/_directory/_trust/entries?limit=1&cursor=${first.next}`)).json();
      expect(first.items[0]?.pattern).toBe('registry.example.com/pair');
      expect(second).toMatchObject({ items: [{ pattern }], next: null });
    });

    it('loses an entry', async () => {
      const gone = await app.request(at('registry.example.com/pair'), { method: 'DELETE', headers: bearer });
      expect([gone.status, await gone.json()]).toMatchObject([200, { pattern: 'registry.example.com/pair' }]);
      expect(await codeOf(await get(at('registry.example.com/pair')))).toBe('METADATA_UNKNOWN');
      const again = await app.request(at('registry.example.com/pair'), { method: 'DELETE', headers: bearer });
      expect(await codeOf(again)).toBe('METADATA_UNKNOWN');
    });

    it('writes down who changed it', async () => {
      const { items } = await core.service.readAudit({ repository: '_directory' }, { limit: 10 });
      expect(items.map(({ action }) => action)).toEqual(
        expect.arrayContaining(['directory.put', 'directory.remove']),
      );
    });
  });

  describe('an entry is refused', () => {
    it.each<[string, unknown]>([
      ['without roots', {}],
      ['without a dialect', { roots: {} }],
      ['of an unknown dialect', { roots: { cosign: entry.roots.tuf } }],
      ['with an unknown member', { ...entry, since: 1 }],
      ['with a shortened key id', { roots: { tuf: { keyIds: ['abc'], threshold: 1 } } }],
      ['with a key id twice', { roots: { tuf: { keyIds: [one, one], threshold: 1 } } }],
      ['with half a threshold', { roots: { tuf: { keyIds: [one], threshold: 0.5 } } }],
      ['with a threshold above its keys', { roots: { tuf: { keyIds: [one], threshold: 2 } } }],
      ['with a server in plain http', { ...entry, trustServer: 'http://trust.example.com' }],
      ['with no server', { ...entry, trustServer: 'trust' }],
      ['with recovery keys that are none', { ...entry, recovery: { keys: { [one]: {} }, threshold: 1 } }],
      ['with a recovery threshold above its keys', { ...entry, recovery: { keys: {}, threshold: 1 } }],
    ])('%s', async (_, body) => {
      expect(await codeOf(await put('registry.example.com/other', body))).toBe('BODY_INVALID');
    });

    it.each(['**', '*', '_directory', '*/**', 'latest', 'A/b', 'a/../b', 'registry.example.com/_x', 'a/**b'])(
      'for %s, which is no pattern or names the directory itself',
      async (name) => {
        expect(await codeOf(await put(name, entry))).toBe('NAME_INVALID');
      },
    );

    it('that would contradict another one', async () => {
      expect((await put('registry.example.com/a*/b*', entry)).status).toBe(200);
      expect(await codeOf(await put('registry.example.com/a*/*b', entry))).toBe('BODY_INVALID');
    });

    it('on another repository', async () => {
      await core.service.createRepository(call, 'registry.example.com/plain', managed);
      const path = `/v2/registry.example.com/plain/_trust/entries`;
      expect(await codeOf(await get(path))).toBe('NAME_INVALID');
      const answer = await app.request(`${path}/${encodeURIComponent(pattern)}`, write('PUT', entry));
      expect(await codeOf(answer)).toBe('NAME_INVALID');
    });

    it('from whoever may only sign tags', async () => {
      const headers = { ...bearer, Authorization: `Bearer ${reader}`, 'content-type': 'application/json' };
      const answer = await app.request(at(pattern), { method: 'PUT', headers, body: JSON.stringify(entry) });
      expect(await codeOf(answer)).toBe('DENIED');
    });

    it('on another base than the one that was read', async () => {
      const init = write('PUT', entry, { 'if-match': '"targets:1"' });
      expect(await codeOf(await app.request(at(pattern), init))).toBe('VERSION_CONFLICT');
    });

    it('and tags stand nowhere in the directory', async () => {
      const answer = await app.request('/v2/_directory/_trust/tags/latest', write('PUT', tagOf('x')));
      expect(await codeOf(answer)).toBe('BODY_INVALID');
    });
  });

  describe('a directory whose targets others sign', () => {
    it('opens a change of kind directory, which their signature publishes', async () => {
      const key = clientKey('directory');
      const to = [{ custody: 'client' as const, key: key.declared }];
      const rotation = await core.service.rotateRole(call, '_directory', 'targets', {
        to,
        reason: 'offline',
      });
      const sign = async (change: Awaited<ReturnType<typeof changeOf>>) => {
        const signatures = await Promise.all(
          change.documents.map(async ({ role, toSign }) => ({
            dialect: 'tuf' as const,
            role,
            keyId: key.keyId,
            sig: toHex(await key.signer.sign(fromBase64(toSign))),
          })),
        );
        return await core.service.signChange(call, '_directory', change.id, { signatures });
      };
      if (rotation.outcome === 'change') await sign(rotation.change);

      const answer = await put('registry.example.com/offline/**', entry);
      expect(answer.status).toBe(202);
      expect(await codeOf(await get(at('registry.example.com/offline/**')))).toBe('METADATA_UNKNOWN');
      const { change } = z
        .object({ change: z.object({ id: z.string(), kind: z.string() }) })
        .parse(await answer.json());
      expect(change.kind).toBe('directory');
      const open = await core.service.readChange('_directory', change.id);
      const state = await (await new Client(core, '_directory').pin()).refresh();
      const present = {
        dialect: 'tuf' as const,
        root: state.root.document,
        targets: new Map([['targets', state.targets.document]]),
        unreadable: new Map(),
        below: new Set<string>(),
        anchorKeyIds: state.root.document.roles.root.keyIds,
      };
      expect(open).toMatchObject({
        edit: { method: 'PUT', path: at('registry.example.com/offline/**'), body: entry },
        diff: [{ role: 'targets', what: 'entry registry.example.com/offline/**' }],
      });
      const seen = (change: typeof open) =>
        verifyChange({ change, repository: '_directory', present: [present], now: core.clock.nowMs });
      expect(seen(open).difference).toContainEqual({
        dialect: 'tuf',
        role: 'targets',
        what: 'entry',
        name: 'registry.example.com/offline/**',
        after: expect.stringContaining(`registry.example.com/offline/** {"roots":`),
      });
      const lies: readonly Partial<typeof open>[] = [
        { edit: { ...open.edit, body: { ...entry, trustServer: 'https://thief.example.com' } } },
        { edit: { ...open.edit, path: at('registry.example.com/**') } },
        { edit: { ...open.edit, method: 'DELETE', body: null } },
        { edit: { ...open.edit, body: { roots: {} } } },
        { kind: 'tags' },
      ];
      for (const lie of lies) {
        expect(() => seen({ ...open, ...lie })).toThrow(expect.objectContaining({ code: 'CHANGE_MISMATCH' }));
      }
      expect(await sign(open)).toMatchObject({ state: 'published' });
      expect((await get(at('registry.example.com/offline/**'))).status).toBe(200);
    });
  });
}
