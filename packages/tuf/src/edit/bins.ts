/** Hash bins (TAP 15): which file of a large repository lists a tag. */
import { sha256 } from '@vidimus/crypto';
import type { SuccinctRoles } from '../model.ts';

export type BinLayout = Pick<SuccinctRoles, 'bitLength' | 'namePrefix'>;

/** The bin a path falls into: `<prefix>-<hex>`, by the first bits of SHA-256 of its UTF-8 bytes. */
export function binOf(layout: BinLayout, path: string): string {
  const hash = sha256(new TextEncoder().encode(path));
  const first = new DataView(hash.buffer, hash.byteOffset, 4).getUint32(0);
  return binName(layout, first >>> (32 - layout.bitLength));
}

/** All bin names in order. */
export function allBins(layout: BinLayout): readonly string[] {
  return Array.from({ length: 2 ** layout.bitLength }, (_, index) => binName(layout, index));
}

function binName(layout: BinLayout, index: number): string {
  const width = (2 ** layout.bitLength - 1).toString(16).length;
  return `${layout.namePrefix}-${index.toString(16).padStart(width, '0')}`;
}
