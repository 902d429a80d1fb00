/** zod's verdicts as errors of the API: which member is wrong, and how. */
import type { z } from '@hono/zod-openapi';
import { TrustError, type TrustErrorCode } from '../service.ts';

const maxProblems = 10;

/** Members whose misuse has a code of its own (CONTRACTS C3). */
const codeOfMember: Readonly<Record<string, TrustErrorCode>> = {
  threshold: 'THRESHOLD_INVALID',
  custody: 'CUSTODY_INVALID',
};

/** The value as the schema reads it. @throws TrustError with `code`, or the code of the wrong member */
export function validate<Schema extends z.ZodType>(
  schema: Schema,
  value: unknown,
  code: 'BODY_INVALID' | 'NAME_INVALID',
  what: string,
): z.output<Schema> {
  const result = schema.safeParse(value);
  if (result.success) return result.data;
  const { issues } = result.error;
  const problems = issues.slice(0, maxProblems).map((issue) => ({
    at: issue.path.map(String).join('.').slice(0, 256),
    problem: issue.message.slice(0, 256),
  }));
  const first = problems[0];
  const member = String(issues[0]?.path.at(-1) ?? '');
  const own =
    code === 'BODY_INVALID' && Object.hasOwn(codeOfMember, member) ? codeOfMember[member] : undefined;
  const place = first === undefined || first.at === '' ? what : `${what}, ${first.at}`;
  throw new TrustError(own ?? code, `${place}: ${first?.problem ?? 'invalid'}`, { problems });
}
