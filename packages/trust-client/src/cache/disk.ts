/** The few disk operations the cache stands on, as an argument: tests stop the world between any two of them. */
import * as fs from 'node:fs/promises';

export type Disk = Pick<typeof fs, 'open' | 'rename' | 'link' | 'unlink' | 'mkdir' | 'lstat' | 'readdir'>;

export const realDisk: Disk = fs;
