/**
 * Bundles the program into `dist/`, or into the directory named as argument: split, so that a command loads only what
 * it runs. `migrations/` lies beside it, where packages/database looks; the packages of `external` must be installed
 * above it.
 */
import { chmod, cp, rm } from 'node:fs/promises';
import { join, resolve } from 'node:path';
import { fileURLToPath } from 'node:url';
import { build } from 'esbuild';

const root = fileURLToPath(new URL('../..', import.meta.url));
const outdir = resolve(process.argv[2] ?? join(root, 'dist'));

await rm(outdir, { recursive: true, force: true });
await build({
  entryPoints: { vidimus: join(root, 'packages/cli/src/main.ts') },
  outdir,
  bundle: true,
  splitting: true,
  minify: true,
  format: 'esm',
  platform: 'node',
  target: 'node20',
  conditions: ['source'],
  // PGlite brings its own WebAssembly files, pino its worker, pkcs11js native code: all stay packages.
  external: ['@electric-sql/pglite', 'pino', 'pkcs11js'],
  chunkNames: 'chunks/[name]-[hash]',
  banner: {
    js: "import { createRequire as __createRequire } from 'node:module'; const require = __createRequire(import.meta.url);",
  },
  logLevel: 'warning',
});
await cp(join(root, 'migrations'), join(outdir, 'migrations'), { recursive: true });
await chmod(join(outdir, 'vidimus.js'), 0o755);
