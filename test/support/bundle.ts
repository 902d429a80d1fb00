/** The program as it is shipped: `npm run build` into a temporary directory, with the packages it leaves outside. */
import { mkdtemp, rm, symlink } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { runProgram } from './foreign-program.ts';

const root = fileURLToPath(new URL('../..', import.meta.url));

export interface Bundle {
  /** Made for this bundle; removed with it. */
  readonly directory: string;
  /** `<directory>/dist/vidimus.js` */
  readonly program: string;
  remove(): Promise<void>;
}

/** Laid out as in the image: `dist/` and `node_modules/` side by side, and nothing of the sources. */
export async function buildBundle(): Promise<Bundle> {
  const directory = await mkdtemp(join(tmpdir(), 'vidimus-bundle-'));
  const outdir = join(directory, 'dist');
  await runProgram(process.execPath, ['--import', 'tsx', join(root, 'packages/cli/build.ts'), outdir]);
  await symlink(join(root, 'node_modules'), join(directory, 'node_modules'));
  return {
    directory,
    program: join(outdir, 'vidimus.js'),
    remove: () => rm(directory, { recursive: true, force: true }),
  };
}
