/** The clean documents among the recordings of the real clients, and who signed them. */
import { readdirSync, readFileSync } from 'node:fs';
import type { DocumentKind } from '@vidimus/tuf';

const directory = new URL('../../vectors/notary/captures/metadata/', import.meta.url);

export interface Captured {
  readonly name: string;
  readonly kind: DocumentKind;
  readonly bytes: Uint8Array;
}

/** All of them, by file name. */
export const captured: readonly Captured[] = readdirSync(directory)
  .filter((name) => name.endsWith('.json'))
  .sort()
  .map((name) => ({
    name,
    kind: kindOf(name),
    bytes: new Uint8Array(readFileSync(new URL(name, directory))),
  }));

export function capturedFile(name: string): Captured {
  const found = captured.find((file) => file.name === name);
  if (found === undefined) throw new Error(`no recording ${name}`);
  return found;
}

function kindOf(name: string): DocumentKind {
  if (name.startsWith('root')) return 'root';
  if (name.startsWith('snapshot')) return 'snapshot';
  return name.startsWith('timestamp') ? 'timestamp' : 'targets';
}
