/** Entry of `test/interop/tuf-conformance-client`: the real clock, the real arguments. */
import { runConformanceClient } from './conformance-client.ts';

process.exitCode = await runConformanceClient(process.argv.slice(2), {
  now: Date.now,
  say: (line) => process.stderr.write(`${line}\n`),
});
