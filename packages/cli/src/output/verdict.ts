/** How a verdict is laid out: the first word can be grepped, the facts below are aligned. */
import type { Colors } from './terminal.ts';

export type Verdict = 'ALLOWED' | 'WARNING' | 'DENIED' | 'ERROR';

const paint: Readonly<Record<Verdict, 'green' | 'yellow' | 'red'>> = {
  ALLOWED: 'green',
  WARNING: 'yellow',
  DENIED: 'red',
  ERROR: 'red',
};

/** `DENIED  registry.example.com/app:1  TAG_FORBIDDEN` */
export function verdictLine(colors: Colors, verdict: Verdict, subject: string, code?: string): string {
  return [colors[paint[verdict]](colors.bold(verdict)), subject, ...(code === undefined ? [] : [code])].join(
    '  ',
  );
}
