/** Bundles the program into dist/: split, so that a command loads only what it runs; migrations lie beside it. */
import { chmod, cp, rm } from 'node:fs/promises';
import { build } from 'esbuild';

const root = new URL('../..', import.meta.url).pathname;

await rm(`${root}dist`, { recursive: true, force: true });
await build({
  entryPoints: { vidimus: `${root}packages/cli/src/main.ts` },
  outdir: `${root}dist`,
  bundle: true,
  splitting: true,
  minify: true,
  format: 'esm',
  platform: 'node',
  target: 'node20',
  conditions: ['source'],
  // PGlite brings its own WebAssembly files, pino its worker: both stay packages.
  external: ['@electric-sql/pglite', 'pino'],
  chunkNames: 'chunks/[name]-[hash]',
  banner: {
    js: "import { createRequire as __createRequire } from 'node:module'; const require = __createRequire(import.meta.url);",
  },
  logLevel: 'warning',
});
await cp(`${root}migrations`, `${root}dist/migrations`, { recursive: true });
await chmod(`${root}dist/vidimus.js`, 0o755);
