/** Asks the person at the terminal; the question goes to stderr so that stdout stays the answer. */
import { createInterface } from 'node:readline';
import { Writable } from 'node:stream';

/** One line of input; `hidden` echoes nothing (passphrases). Rejects when the input ends. */
export function ask(question: string, hidden: boolean): Promise<string> {
  const silent = new Writable({ write: (_chunk, _encoding, done) => done() });
  process.stderr.write(question);
  const lines = createInterface({
    input: process.stdin,
    output: hidden ? silent : process.stderr,
    terminal: process.stdin.isTTY === true,
  });
  return new Promise((resolve, reject) => {
    lines.once('line', (line) => {
      resolve(line);
      lines.close();
      if (hidden) process.stderr.write('\n');
    });
    lines.once('close', () => reject(new Error('the input ended before an answer')));
    lines.once('SIGINT', () => lines.close());
  });
}
