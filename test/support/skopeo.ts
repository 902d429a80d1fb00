/** The real skopeo. */
import { type Finished, runProgram } from './foreign-program.ts';

/** Runs `skopeo <args>` without the machine's own signature policy. */
export function skopeo(...args: readonly string[]): Promise<Finished> {
  return runProgram('skopeo', ['--insecure-policy', ...args]);
}

/** The digest skopeo computes of what a transport name (`docker://…`, `oci:DIR:NAME`) stands for. */
export async function skopeoDigest(name: string, ...options: readonly string[]): Promise<string> {
  const { stdout } = await skopeo('inspect', '--format', '{{.Digest}}', ...options, name);
  return stdout.trim();
}
