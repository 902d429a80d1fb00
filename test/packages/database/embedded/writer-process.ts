/** A program that tests kill: opens the data directory of its argument and writes until it dies. */
import { openDatabase, trustRepositories } from '@vidimus/database';
import { hex } from '../sample-rows.ts';

const [, , directory = '', prefix = 'w', paddingBytes = '0'] = process.argv;

try {
  const database = await openDatabase({ directory });
  process.stdout.write('open\n');
  for (let count = 1; ; count += 1) {
    const repository = `${prefix}/${String(count).padStart(6, '0')}`;
    await database.transaction(async (tx) => {
      await tx.insert(trustRepositories).values({
        repository,
        incarnation: 1,
        dialects: ['tuf'],
        settings: { padding: 'x'.repeat(Number(paddingBytes)) },
        createdAt: new Date(0),
        logSize: 0,
        logHash: hex('0'),
      });
      await tx.update(trustRepositories).set({ logSize: count });
    });
    process.stdout.write(`${repository}\n`);
  }
} catch (error) {
  const code: unknown = error instanceof Error ? Reflect.get(error, 'code') : undefined;
  process.stdout.write(`error ${String(code)}\n`);
  process.stderr.write(`${error instanceof Error ? error.stack : String(error)}\n`);
  process.exitCode = 2;
}
