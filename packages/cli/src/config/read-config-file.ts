/** One configuration file: bounded, strict YAML, every complaint with its line and column. */
import { readFileSync, statSync } from 'node:fs';
import { type Document, LineCounter, parseDocument } from 'yaml';
import type { z } from 'zod';
import { CliError } from '../cli-error.ts';
import { exitCodes } from '../exit-codes.ts';

const maxConfigBytes = 1024 * 1024;

/** The parsed file, or undefined when it does not exist. @throws CliError CONFIG_INVALID with file:line:column */
export function readConfigFile<S extends z.ZodType>(file: string, schema: S): z.infer<S> | undefined {
  const text = readBounded(file);
  if (text === undefined) return undefined;
  const lines = new LineCounter();
  const document = parseDocument(text, { lineCounter: lines, uniqueKeys: true, strict: true });
  const position = (offset: number): string => {
    const { line, col } = lines.linePos(offset);
    return `${file}:${line}:${col}`;
  };
  const broken = document.errors[0];
  if (broken !== undefined)
    throw invalid(position(broken.pos[0]), broken.message.split('\n')[0] ?? 'not YAML');
  const result = schema.safeParse(toPlain(document, file));
  if (result.success) return result.data;
  const { issues } = result.error;
  // A misspelt key is the cause of what is missing.
  const issue = issues.find(({ code }) => code === 'unrecognized_keys') ?? issues[0];
  const path = issue === undefined ? [] : unknownKeyPath(issue);
  throw invalid(
    position(offsetOf(document, path)),
    `${path.join('.') || 'the file'}: ${issue?.message ?? 'does not fit'}`,
  );
}

const maxAliases = 10;

/** Aliases that unfold without end are refused, not unfolded. */
function toPlain(document: Document, file: string): unknown {
  try {
    return document.toJS({ maxAliasCount: maxAliases });
  } catch (cause) {
    if (!(cause instanceof ReferenceError)) throw cause;
    throw invalid(file, 'more aliases than a configuration needs');
  }
}

function readBounded(file: string): string | undefined {
  try {
    if (statSync(file).size > maxConfigBytes) throw invalid(file, 'larger than 1 MiB');
    return readFileSync(file, 'utf8');
  } catch (error) {
    if (error instanceof CliError) throw error;
    if (error instanceof Error && 'code' in error && error.code === 'ENOENT') return undefined;
    throw new CliError('CONFIG_INVALID', exitCodes.usage, `cannot read ${file}`, 'check its permissions', {
      cause: error,
    });
  }
}

/** The offending key itself, where zod names only the object that holds it. */
function unknownKeyPath(issue: z.core.$ZodIssue): readonly PropertyKey[] {
  return issue.code === 'unrecognized_keys' ? [...issue.path, ...issue.keys.slice(0, 1)] : issue.path;
}

interface Located {
  getIn(path: Iterable<unknown>, keepScalar?: boolean): unknown;
  range?: unknown;
  contents: unknown;
}

/** Offset of the deepest node on the path that exists. */
function offsetOf(document: Located, path: readonly PropertyKey[]): number {
  for (let depth = path.length; depth > 0; depth -= 1) {
    const offset =
      keyOffset(document, path.slice(0, depth)) ?? startOf(document.getIn(path.slice(0, depth), true));
    if (offset !== undefined) return offset;
  }
  return startOf(document.contents) ?? 0;
}

/** Where the key of the last path element is written. */
function keyOffset(document: Located, path: readonly PropertyKey[]): number | undefined {
  const parent = path.length === 1 ? document.contents : document.getIn(path.slice(0, -1), true);
  if (typeof parent !== 'object' || parent === null || !('items' in parent) || !Array.isArray(parent.items))
    return undefined;
  const items: readonly unknown[] = parent.items;
  for (const item of items) {
    if (typeof item !== 'object' || item === null || !('key' in item)) continue;
    const { key } = item;
    if (typeof key === 'object' && key !== null && 'value' in key && key.value === path.at(-1))
      return startOf(key);
  }
  return undefined;
}

function startOf(node: unknown): number | undefined {
  if (typeof node !== 'object' || node === null || !('range' in node) || !Array.isArray(node.range))
    return undefined;
  const start: unknown = node.range[0];
  return typeof start === 'number' ? start : undefined;
}

function invalid(where: string, what: string): CliError {
  return new CliError(
    'CONFIG_INVALID',
    exitCodes.usage,
    `${where}: ${what}`,
    'see README, "Configure a client"; of the service: "Run it"',
  );
}
