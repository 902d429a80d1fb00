/**
 * One YAML document with its positions. Policy files may come from a pull request: size and depth are
 * bounded before anything recursive runs, duplicate keys, foreign tags and mass aliases are refused.
 */
import {
  Composer,
  type CST,
  type Document,
  isAlias,
  isMap,
  isPair,
  isScalar,
  LineCounter,
  type Node,
  Parser,
  visit,
} from 'yaml';
import { PolicyError, type PolicyErrorCode, type SourcePosition } from './errors.ts';

const MAX_CHARACTERS = 256 * 1024;
const MAX_DEPTH = 64;
const MAX_ALIASES = 200;

/** A file as read; `file` is the name shown in messages. */
export interface PolicySource {
  readonly file: string;
  readonly text: string;
}

/** Plain data and the way back from a path in it to a line. */
export interface YamlSource {
  readonly file: string;
  readonly data: unknown;
  /** The value at the path, or its nearest parent that exists. */
  position(path: readonly PropertyKey[]): SourcePosition;
  /** The key itself of an entry, for a key that should not be there. */
  keyPosition(path: readonly PropertyKey[], key: string): SourcePosition;
}

/**
 * Parses one document; `merge` lets `<<` merge maps (test files), elsewhere it is an unknown key.
 *
 * @throws PolicyError LIMIT, YAML_INVALID
 */
export function parseYaml(source: PolicySource, options: { readonly merge: boolean }): YamlSource {
  const { file, text } = source;
  const lines = new LineCounter();
  const at = (offset: number): SourcePosition => {
    const { line, col } = lines.linePos(offset);
    return { file, line: Math.max(line, 1), column: Math.max(col, 1) };
  };
  const fail = (code: PolicyErrorCode, message: string, offset = 0) =>
    new PolicyError(code, message, at(offset));

  if (text.length > MAX_CHARACTERS)
    throw fail('LIMIT', `the file is longer than ${MAX_CHARACTERS} characters`);
  const tokens = [...new Parser(lines.addNewLine).parse(text)];
  // The composer below recurses: depth is measured first, without recursion.
  if (depthOf(tokens) > MAX_DEPTH) throw fail('LIMIT', `the file nests deeper than ${MAX_DEPTH}`);

  const documents = [
    ...new Composer({
      uniqueKeys: true,
      merge: options.merge,
      schema: 'core',
      version: '1.2',
      stringKeys: true,
      resolveKnownTags: false,
    }).compose(tokens, true, text.length),
  ];
  const [document, second] = documents;
  if (document === undefined) throw fail('YAML_INVALID', 'the file is empty');
  if (second !== undefined) throw fail('YAML_INVALID', 'one file holds one document', second.range?.[0]);
  const problem = document.errors[0] ?? document.warnings[0];
  if (problem !== undefined) throw fail('YAML_INVALID', firstLine(problem.message), problem.pos[0]);
  refusePrototypeKeys(document, (offset) =>
    fail('SCHEMA_INVALID', 'the key "__proto__" is not allowed', offset),
  );

  return {
    file,
    data: toData(document, (message) => fail('YAML_INVALID', message)),
    position: (path) => at(offsetOf(findNode(document, path))),
    keyPosition: (path, key) => at(keyOffset(document, path, key)),
  };
}

function depthOf(tokens: readonly CST.Token[]): number {
  const stack: { token: CST.Token; depth: number }[] = tokens.map((token) => ({ token, depth: 0 }));
  let deepest = 0;
  for (let next = stack.pop(); next !== undefined; next = stack.pop()) {
    const { token, depth } = next;
    deepest = Math.max(deepest, depth);
    if (token.type === 'document' && token.value) stack.push({ token: token.value, depth });
    if (!('items' in token)) continue;
    for (const item of token.items) {
      if (item.key) stack.push({ token: item.key, depth: depth + 1 });
      if (item.value) stack.push({ token: item.value, depth: depth + 1 });
    }
  }
  return deepest;
}

function toData(document: Document.Parsed, fail: (message: string) => PolicyError): unknown {
  try {
    return document.toJS({ maxAliasCount: MAX_ALIASES });
  } catch (error) {
    throw fail(error instanceof Error ? firstLine(error.message) : 'the file cannot be read');
  }
}

function refusePrototypeKeys(document: Document.Parsed, fail: (offset: number) => PolicyError): void {
  visit(document, {
    Pair(_key, pair) {
      if (isScalar(pair.key) && pair.key.value === '__proto__') throw fail(pair.key.range?.[0] ?? 0);
    },
  });
}

function resolved(document: Document.Parsed, node: unknown): unknown {
  return isAlias(node) ? node.resolve(document) : node;
}

function findNode(document: Document.Parsed, path: readonly PropertyKey[]): Node | null {
  let node: Node | null = document.contents;
  for (const step of path) {
    const parent = resolved(document, node);
    if (
      parent === null ||
      typeof parent !== 'object' ||
      !('get' in parent) ||
      typeof parent.get !== 'function'
    )
      break;
    const child: unknown = parent.get(typeof step === 'symbol' ? step.toString() : step, true);
    if (!isNode(child)) break;
    node = child;
  }
  return node;
}

function isNode(value: unknown): value is Node {
  return typeof value === 'object' && value !== null && 'range' in value;
}

function keyOffset(document: Document.Parsed, path: readonly PropertyKey[], key: string): number {
  const parent = resolved(document, findNode(document, path));
  if (isMap(parent)) {
    const pair = parent.items.find((item) => isPair(item) && isScalar(item.key) && item.key.value === key);
    if (pair !== undefined && isNode(pair.key)) return offsetOf(pair.key);
  }
  return offsetOf(findNode(document, path));
}

function offsetOf(node: Node | null): number {
  return node?.range?.[0] ?? 0;
}

function firstLine(message: string): string {
  return message.split('\n', 1)[0] ?? message;
}
