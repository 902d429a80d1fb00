/** The documented 202 of every edit that may wait for signatures. */
import { z } from '@hono/zod-openapi';
import type { AnswerDoc } from '../http/api-route.ts';
import { changeSchema } from '../schemas/index.ts';

export const pendingAnswer: Readonly<Record<202, AnswerDoc>> = {
  202: {
    description: 'Signatures are missing: the change that waits for them, also at Location',
    schema: z.object({ change: changeSchema }),
  },
};
