import { appendFileSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { sha256, toPublicKey } from '@vidimus/crypto';
import { notaryDialect } from '@vidimus/notary';
import { layoutFor, roleOfTag, tufDialect } from '@vidimus/tuf';
import { describe, expect, it } from 'vitest';
import {
  codeOf,
  createSignerBed,
  notaryTimestamp,
  place,
  REPOSITORY,
  request,
  root,
  targets,
  timestamp,
  tufKeyObject,
} from './signer-bed.ts';

const bytes = (text: string): Uint8Array => Buffer.from(text, 'base64');

describe('the keys of the signer', () => {
  it('are for one repository, role and dialect, and sealed on disk', async () => {
    const { signer, directory } = await createSignerBed();
    const made = await signer.makeKey(place('timestamp'));
    expect(made).toMatchObject({ repository: REPOSITORY, dialect: 'tuf', role: 'timestamp' });
    expect(tufDialect.toKey(tufKeyObject(made.publicHex)).keyId).toBe(made.keyId);
    const names = readdirSync(join(directory, 'keys'));
    expect(names.sort()).toEqual([`${made.keyId}.json`, `${made.keyId}.signed`]);
    for (const name of names) expect(statSync(join(directory, 'keys', name)).mode & 0o777).toBe(0o600);
  });

  it('include root keys of Notary with a certificate for the repository', async () => {
    const { signer } = await createSignerBed();
    const made = await signer.makeKey(place('root', 'notary'));
    const key = notaryDialect.toKey(JSON.parse(JSON.stringify(made.declared)));
    expect(key.keyId).toBe(made.keyId);
    expect(made).toMatchObject({ algorithm: 'ecdsa-p256' });
    expect(JSON.stringify(made.declared)).toContain('ecdsa-x509');
  });

  it('survive a restart, and not their destruction', async () => {
    const bed = await createSignerBed();
    const made = await bed.signer.makeKey(place('timestamp'));
    const again = await bed.restart();
    await again.signer.sign(request(made, place('timestamp'), timestamp()));
    expect(await codeOf(() => again.signer.destroyKey(made.keyId, 'registry.example.com/other'))).toBe(
      'KEY_SCOPE',
    );
    await again.signer.destroyKey(made.keyId, REPOSITORY);
    expect(readdirSync(join(bed.directory, 'keys'))).toEqual([`${made.keyId}.signed`]);
    const next = request(made, place('timestamp'), timestamp({ version: 2 }));
    expect(await codeOf(() => again.signer.sign(next))).toBe('KEY_UNKNOWN');
  });

  it('do not sign without the record of what they signed', async () => {
    const { signer, directory } = await createSignerBed();
    const made = await signer.makeKey(place('timestamp'));
    rmSync(join(directory, 'keys', `${made.keyId}.signed`));
    const wanted = request(made, place('timestamp'), timestamp());
    expect(await codeOf(() => signer.sign(wanted))).toBe('RECORD_UNUSABLE');
  });

  it('do not open when their file was altered', async () => {
    const { signer, directory } = await createSignerBed();
    const made = await signer.makeKey(place('timestamp'));
    const path = join(directory, 'keys', `${made.keyId}.json`);
    writeFileSync(path, readFileSync(path, 'utf8').replace('"timestamp"', '"targets"'));
    const wanted = request(made, place('targets'), targets());
    expect(await codeOf(() => signer.sign(wanted))).toBe('RECORD_UNUSABLE');
  });
});

describe('a document', () => {
  it('is signed when everything is right', async () => {
    const { signer } = await createSignerBed();
    const made = await signer.makeKey(place('timestamp'));
    const document = timestamp();
    const answer = await signer.sign(request(made, place('timestamp'), document));
    const key = toPublicKey({ format: 'ed25519-raw', bytes: Buffer.from(made.publicHex, 'hex') }, 'ed25519');
    expect(key.verify(document, bytes(answer.signature))).toBe(true);
  });

  it('of bins is signed by the keys of targets', async () => {
    const { signer } = await createSignerBed();
    const made = await signer.makeKey(place('targets'));
    const bins = [1_001, 100_001].map((tags) => roleOfTag(layoutFor(tags, { kind: 'flat' }), 'v1'));
    for (const role of ['bins', ...bins]) {
      const wanted = request(made, place(role), targets({ of: role }));
      expect(await codeOf(() => signer.sign(wanted))).toBe('done');
    }
    for (const role of ['binsen', 'bins-0a', 'b8', 'b8-xy']) {
      const other = request(made, place(role), targets({ of: role }));
      expect(await codeOf(() => signer.sign(other))).toBe('KEY_SCOPE');
    }
  });

  const there = place('timestamp');
  it.each([
    ['for another role', place('snapshot'), timestamp(), 'KEY_SCOPE'],
    [
      'for another repository',
      place('timestamp', 'tuf', 'registry.example.com/other'),
      timestamp(),
      'KEY_SCOPE',
    ],
    ['for another dialect', place('timestamp', 'notary'), notaryTimestamp(), 'KEY_SCOPE'],
    [
      'that says it is for another repository',
      there,
      timestamp({ repository: 'registry.example.com/b' }),
      'DOCUMENT_MISBOUND',
    ],
    ['that says it is for another role', there, timestamp({ role: 'snapshot' }), 'DOCUMENT_MISBOUND'],
    ['of another type', there, targets({ of: 'timestamp' }), 'DOCUMENT_INVALID'],
    ['of another dialect', there, notaryTimestamp(), 'DOCUMENT_INVALID'],
    ['that is a digest', there, sha256(Uint8Array.of(1)), 'DOCUMENT_INVALID'],
    ['that is empty', there, new Uint8Array(), 'DOCUMENT_INVALID'],
    ['that is any JSON', there, Buffer.from('{"a":1}'), 'DOCUMENT_INVALID'],
    ['that is not canonical', there, Buffer.concat([timestamp(), Buffer.from(' ')]), 'DOCUMENT_INVALID'],
    ['that has expired', there, timestamp({ expiresIn: -1, issuedIn: -2 }), 'TIME_INVALID'],
    ['from the future', there, timestamp({ issuedIn: 1 }), 'TIME_INVALID'],
    ['that lives too long', there, timestamp({ expiresIn: 24 * 32 }), 'EXPIRY_TOO_FAR'],
  ])('%s is refused and audited', async (_, at, document, code) => {
    const bed = await createSignerBed();
    const made = await bed.signer.makeKey(there);
    expect(await codeOf(() => bed.signer.sign(request(made, at, document)))).toBe(code);
    expect(bed.audit().at(-1)).toMatchObject({ event: 'refused', code, keyId: made.keyId, role: at.role });
  });

  it('by a key that nobody made is refused', async () => {
    const { signer } = await createSignerBed();
    const wanted = request({ keyId: 'ab'.repeat(32) }, there, timestamp());
    expect(await codeOf(() => signer.sign(wanted))).toBe('KEY_UNKNOWN');
  });

  it('of the Notary dialect names no repository, and its key does', async () => {
    const { signer } = await createSignerBed();
    const made = await signer.makeKey(place('timestamp', 'notary'));
    const wanted = request(made, place('timestamp', 'notary'), notaryTimestamp());
    expect(await codeOf(() => signer.sign(wanted))).toBe('done');
    const certified = await signer.makeKey(place('root', 'notary'));
    const bound = request(certified, place('root', 'notary'), root(made));
    expect(await codeOf(() => signer.sign(bound))).toBe('DOCUMENT_INVALID');
  });
});

describe('a version', () => {
  it('gets one content, and its signature as often as it is asked for', async () => {
    const bed = await createSignerBed();
    const made = await bed.signer.makeKey(place('timestamp'));
    const sign = (document: Uint8Array) => bed.signer.sign(request(made, place('timestamp'), document));
    const first = await sign(timestamp({ version: 3 }));
    expect(await sign(timestamp({ version: 3 }))).toEqual(first);
    expect(await codeOf(() => sign(timestamp({ version: 3, snapshot: 2 })))).toBe('VERSION_USED');
    expect(await codeOf(() => sign(timestamp({ version: 2 })))).toBe('VERSION_USED');
    expect(await codeOf(() => sign(timestamp({ version: 4 })))).toBe('done');
    expect(await codeOf(() => sign(timestamp({ version: 3 })))).toBe('VERSION_USED');
    expect(bed.audit().map(({ event }) => event)).toContain('repeated');
  });

  it('is remembered over a restart, torn lines notwithstanding', async () => {
    const bed = await createSignerBed();
    const made = await bed.signer.makeKey(place('timestamp'));
    const document = timestamp({ version: 5 });
    const first = await bed.signer.sign(request(made, place('timestamp'), document));
    appendFileSync(join(bed.directory, 'keys', `${made.keyId}.signed`), '{"role":"timestamp","vers');
    appendFileSync(join(bed.directory, 'audit.jsonl'), '{"n":9,"previous":"');
    const again = await bed.restart();
    const sign = (next: Uint8Array) => again.signer.sign(request(made, place('timestamp'), next));
    expect(await sign(document)).toEqual(first);
    expect(await codeOf(() => sign(timestamp({ version: 5, snapshot: 2 })))).toBe('VERSION_USED');
    expect(await codeOf(() => sign(timestamp({ version: 6 })))).toBe('done');
    expect(
      await codeOf(async () =>
        (await again.restart()).signer.sign(
          request(made, place('timestamp'), timestamp({ version: 6, snapshot: 2 })),
        ),
      ),
    ).toBe('VERSION_USED');
  });

  it('never jumps further than a restore does', async () => {
    const { signer } = await createSignerBed();
    const made = await signer.makeKey(place('timestamp'));
    const sign = (version: number) => signer.sign(request(made, place('timestamp'), timestamp({ version })));
    await sign(1);
    expect(await codeOf(() => sign(2 ** 40))).toBe('VERSION_JUMP');
    expect(await codeOf(() => sign(1 + 2 ** 20))).toBe('done');
  });

  it('is signed once when two contents are asked for at once', async () => {
    const { signer } = await createSignerBed();
    const made = await signer.makeKey(place('timestamp'));
    const codes = await Promise.all(
      [1, 2, 3, 4].map((snapshot) =>
        codeOf(() => signer.sign(request(made, place('timestamp'), timestamp({ version: 2, snapshot })))),
      ),
    );
    expect(codes.sort()).toEqual(['VERSION_USED', 'VERSION_USED', 'VERSION_USED', 'done']);
  });

  it('is still known after the record was written anew', async () => {
    const { signer, directory } = await createSignerBed();
    const made = await signer.makeKey(place('targets'));
    const sign = (role: string, version: number) =>
      signer.sign(request(made, place(role), targets({ of: role, version })));
    await sign('b8-0a', 7);
    const path = join(directory, 'keys', `${made.keyId}.signed`);
    const line = readFileSync(path, 'utf8');
    appendFileSync(path, line.repeat(Math.ceil(2 ** 20 / line.length) + 1));
    await sign('targets', 1);
    expect(statSync(path).size).toBeLessThan(4096);
    expect(await codeOf(() => sign('b8-0a', 6))).toBe('VERSION_USED');
    expect(await codeOf(() => sign('b8-0a', 8))).toBe('done');
  });
});
