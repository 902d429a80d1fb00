/** `npm run demo`: the main job and five attacks, on real parts, with nothing but Node. */
import { randomBytes } from 'node:crypto';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { smallImage } from '@vidimus/oci';
import { type DemoRegistry, startDemoRegistry } from './demo-registry.ts';
import { type DemoService, startDemoService } from './demo-service.ts';
import { createNarrator, type Narrator } from './narrator.ts';
import { recordMetadata, startReplay } from './replay-server.ts';

const write = (text: string): void => {
  process.stdout.write(text);
};

const image = (content: string) =>
  smallImage({
    platform: { os: 'linux', architecture: 'amd64' },
    files: { 'bin/app': `#!/bin/sh\necho ${content}\n` },
  });

const directory = await mkdtemp(join(tmpdir(), 'vidimus-demo-'));
let service: DemoService | undefined;
let registry: DemoRegistry | undefined;
const started = Date.now();
try {
  write('Vidimus, for real, on this machine: a service, a registry, and somebody who pulls.\n');
  [registry, service] = await Promise.all([
    startDemoRegistry(directory, process.env),
    startDemoService(join(directory, 'data')),
  ]);
  const environment = {
    PATH: process.env['PATH'],
    HOME: directory,
    VIDIMUS_SERVER: service.url,
    VIDIMUS_TOKEN: service.token,
    VIDIMUS_PASSPHRASE: randomBytes(16).toString('hex'),
    NO_COLOR: '1',
  };
  const narrator = createNarrator(environment, write);
  write(`The service listens on ${service.url} (embedded database), ${registry.kind} on ${registry.host}.\n`);
  await play(narrator, registry, service);
  write(
    `\nAll ${narrator.steps} steps came out as told, in ${((Date.now() - started) / 1000).toFixed(1)} s.\n`,
  );
  write('\nRun it for real:  npm start -- --data ./vidimus-data     then README, "Ten minutes"\n');
} catch (error) {
  write(`\nThe demo did not come out as told: ${error instanceof Error ? error.message : String(error)}\n`);
  process.exitCode = 1;
} finally {
  await service?.stop();
  await registry?.close();
  await rm(directory, { recursive: true, force: true });
}

async function play(narrator: Narrator, at: DemoRegistry, trust: DemoService): Promise<void> {
  const repository = `${at.host}/shop/web`;
  const [good, evil, bad] = [image('web 1.0'), image('not what you signed'), image('web 1.1 with a hole')];

  narrator.chapter('Put a repository under trust. The root key is made here and never leaves.');
  await narrator.vidimus(['init', repository], { exit: 0, says: 'root' });

  narrator.chapter('Push an image, sign it, pull it: allowed, and pinned to the digest that was judged.');
  await at.push('shop/web', '1.0', good);
  await narrator.vidimus(['sign', `${repository}:1.0@${good.digest}`], { exit: 0, says: '1.0' });
  const pull = (name: string): string[] => [
    'pull',
    `${repository}:${name}`,
    '--to',
    `oci:${join(directory, 'pulled')}`,
  ];
  await narrator.vidimus(pull('1.0'), { exit: 0, says: 'ALLOWED' });
  const yesterday = await recordMetadata(trust.url, repository);

  narrator.chapter('Somebody pushes a tag that nobody signed: refused.');
  await at.push('shop/web', '2.0', evil);
  await narrator.vidimus(pull('2.0'), { exit: 1, says: 'NOT_VOUCHED' });

  narrator.chapter(
    'Somebody moves the signed tag in the registry: a warning, and the vouched digest is pulled.',
  );
  await at.push('shop/web', '1.0', evil);
  await narrator.vidimus(pull('1.0'), { exit: 0, says: 'TAG_MOVED' });
  narrator.tell('With --strict (or by policy) it is refused:');
  await narrator.vidimus([...pull('1.0'), '--strict'], { exit: 1, says: 'TAG_MOVED' });

  narrator.chapter('A digest turns out to be bad: revoked once, refused under every tag.');
  await at.push('shop/web', '1.1', bad);
  await narrator.vidimus(['sign', `${repository}:1.1@${bad.digest}`], { exit: 0, says: '1.1' });
  await narrator.vidimus(['revoke', `${repository}@${bad.digest}`, '--reason', 'a hole, exploited'], {
    exit: 0,
    says: '1.1',
  });
  await at.push('shop/web', 'stable', bad);
  await narrator.vidimus(pull('1.1'), { exit: 1, says: 'DENIED' });
  await narrator.vidimus(['verify', `${repository}@${bad.digest}`], { exit: 1, says: 'DIGEST_REVOKED' });
  await narrator.vidimus(pull('stable'), { exit: 1, says: 'DIGEST_REVOKED' });

  narrator.chapter('A tag is taken back: refused from the next pull on.');
  await at.push('shop/web', '1.0', good);
  await narrator.vidimus(['revoke', `${repository}:1.0`], { exit: 0, says: '1.0' });
  await narrator.vidimus(pull('1.0'), { exit: 1, says: 'NOT_VOUCHED' });

  narrator.chapter(
    "An attacker replays yesterday's metadata, validly signed, in which 1.0 was still good: refused.",
  );
  const replay = await startReplay(yesterday);
  try {
    await narrator.vidimus(['verify', `${repository}:1.0`, '--server', replay.url], {
      exit: 1,
      says: 'ROLLBACK',
    });
  } finally {
    await replay.close();
  }
}
