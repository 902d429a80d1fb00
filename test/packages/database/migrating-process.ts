/** A program that opens (and so migrates) the PostgreSQL database of its argument when told on stdin, and says how it went. */
import { once } from 'node:events';
import { openDatabase } from '@vidimus/database';

const [, , url = ''] = process.argv;

process.stdout.write('ready\n');
await once(process.stdin, 'data');
try {
  await (await openDatabase({ url })).close();
  process.stdout.write('open\n');
} catch (error) {
  process.stdout.write(`${error instanceof Error ? error.message : String(error)}\n`);
}
process.stdin.destroy();
