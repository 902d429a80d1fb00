import { defineConfig } from 'vitest/config';

/** Suites: `unit` needs Node alone; `db` needs PostgreSQL; `interop` needs real foreign programs. */
const source = {
  resolve: { conditions: ['source'] },
  ssr: { resolve: { conditions: ['source'], externalConditions: ['source'] } },
};

const needsDatabase = 'test/**/*.db.test.ts';
const needsPrograms = 'test/interop/**/*.test.ts';

export default defineConfig({
  ...source,
  test: {
    // An embedded database costs hundreds of megabytes: at most two workers hold one.
    maxWorkers: 2,
    projects: [
      {
        ...source,
        test: {
          name: 'unit',
          include: ['test/**/*.test.ts'],
          exclude: [needsDatabase, needsPrograms, 'test/browser/**'],
          // Files share a process and its modules: reading them anew for each file took longer than the tests.
          isolate: false,
          testTimeout: 30_000,
          hookTimeout: 60_000,
        },
      },
      {
        ...source,
        test: {
          name: 'db',
          include: [needsDatabase],
          testTimeout: 300_000,
          hookTimeout: 120_000,
          fileParallelism: false,
        },
      },
      {
        ...source,
        test: {
          name: 'interop',
          include: [needsPrograms],
          testTimeout: 180_000,
          hookTimeout: 120_000,
          fileParallelism: false,
        },
      },
    ],
  },
});
