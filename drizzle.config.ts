import { defineConfig } from 'drizzle-kit';

/** `npm run db:generate` compares the schema with `migrations/meta` and writes the next migration. */
export default defineConfig({
  dialect: 'postgresql',
  schema: [
    './packages/database/src/schema/access.ts',
    './packages/database/src/schema/key.ts',
    './packages/database/src/schema/trust.ts',
  ],
  out: './migrations',
});
