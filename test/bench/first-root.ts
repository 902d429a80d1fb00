/** The anchor of the benchmark's clients: the first root as the service tells it. */

/** Bytes of `1.root.json`. */
export async function readFirstRoot(server: string, repository: string): Promise<Uint8Array> {
  const answer = await fetch(`${server}/v2/${repository}/_trust/metadata/1.root.json`);
  if (!answer.ok) throw new Error(`no root of ${repository}: ${answer.status}`);
  return new Uint8Array(await answer.arrayBuffer());
}
