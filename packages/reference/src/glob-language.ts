/**
 * Set questions about globs: does one list cover another, do two overlap. Asked of names whose components
 * neither begin nor end with a separator; answered on demand-built automata with a cap, beyond which the
 * answer is "unknown".
 */
import { splitGlob } from './glob.ts';
import { isRepositoryName } from './repository-name.ts';

const MAX_STATES = 5_000;
const MAX_WITNESSES = 500;
const ALPHABET = 'abcdefghijklmnopqrstuvwxyz0123456789';

/** One step of a pattern over `component/component/`: a character, a run without `/`, or any components. */
type Step = { readonly kind: 'literal'; readonly character: string } | { readonly kind: 'run' | 'deep' };

/** Positions in each pattern; an odd number is "inside a component of `**`" at position (n - 1) / 2. */
type States = readonly ReadonlySet<number>[];

type CharacterClass = 'slash' | 'separator' | 'plain';

/**
 * Whether every name that some pattern of `patterns` matches is matched by one of `by`.
 *
 * @returns undefined when the patterns are too intricate to answer within the limit
 * @throws ReferenceFormatError GLOB_INVALID
 */
export function globsCover(patterns: readonly string[], by: readonly string[]): boolean | undefined {
  const gaps: string[] = [];
  const finished = explore([patterns, by], ([left, right], name) => {
    if (left === true && right === false) gaps.push(name);
    return gaps.length > 0;
  });
  if (gaps.length > 0) return false;
  return finished ? true : undefined;
}

/**
 * A repository name that both lists match, or undefined when none was found.
 *
 * @throws ReferenceFormatError GLOB_INVALID
 */
export function globsOverlap(left: readonly string[], right: readonly string[]): string | undefined {
  let witness: string | undefined;
  let seen = 0;
  explore([left, right], ([inLeft, inRight], name) => {
    if (inLeft !== true || inRight !== true) return false;
    seen += 1;
    if (isRepositoryName(name)) witness = name;
    return witness !== undefined || seen > MAX_WITNESSES;
  });
  return witness;
}

/** Breadth first over names; `visit` answers true to stop. True when all was explored or it was stopped. */
function explore(
  lists: readonly (readonly string[])[],
  visit: (accepted: readonly boolean[], name: string) => boolean,
): boolean {
  const programs = lists.map((patterns) => patterns.map(toSteps));
  const alphabet = alphabetOf(programs.flat());
  const start = programs.map((list) => list.map((steps) => close(steps, [0])));
  const queue: { states: readonly States[]; name: string; last: CharacterClass }[] = [
    { states: start, name: '', last: 'slash' },
  ];
  const seen = new Set<string>();
  for (let next = queue.shift(); next !== undefined; next = queue.shift()) {
    const { states, name, last } = next;
    if (name !== '' && last === 'slash') {
      const accepted = programs.map((list, index) => accepts(list, states[index] ?? []));
      if (visit(accepted, name.slice(0, -1))) return true;
    }
    for (const character of alphabet) {
      const current = classOf(character);
      if (current !== 'plain' && last !== 'plain' && (current === 'slash' || last === 'slash')) continue;
      const moved = programs.map((list, index) => advance(list, states[index] ?? [], character));
      // Once the first list matches nothing further, neither question can change.
      if ((moved[0] ?? []).every((set) => set.size === 0)) continue;
      const key = keyOf(current, moved);
      if (seen.has(key)) continue;
      seen.add(key);
      if (seen.size > MAX_STATES) return false;
      queue.push({ states: moved, name: name + character, last: current });
    }
  }
  return true;
}

function classOf(character: string): CharacterClass {
  if (character === '/') return 'slash';
  return character === '.' || character === '_' || character === '-' ? 'separator' : 'plain';
}

function keyOf(last: CharacterClass, states: readonly States[]): string {
  const sets = states.map((list) => list.map((set) => [...set].sort((a, b) => a - b).join()).join(';'));
  return `${last}|${sets.join('|')}`;
}

function toSteps(pattern: string): Step[] {
  return splitGlob(pattern).flatMap((component): Step[] => {
    if (component === '**') return [{ kind: 'deep' }];
    return [...`${component}/`].map((character) =>
      character === '*' ? { kind: 'run' } : { kind: 'literal', character },
    );
  });
}

// Characters the patterns name, and one that none names to stand for all others.
function alphabetOf(programs: readonly (readonly Step[])[]): string[] {
  const named = new Set<string>();
  for (const step of programs.flat()) if (step.kind === 'literal') named.add(step.character);
  const other = [...ALPHABET].find((character) => !named.has(character));
  named.delete('/');
  return [...(other === undefined ? [] : [other]), ...named, '/'];
}

function close(steps: readonly Step[], positions: readonly number[]): Set<number> {
  const closed = new Set<number>();
  for (let position of positions) {
    closed.add(position * 2);
    while (steps[position] !== undefined && steps[position]?.kind !== 'literal') {
      position += 1;
      closed.add(position * 2);
    }
  }
  return closed;
}

function advance(list: readonly (readonly Step[])[], states: States, character: string): States {
  return list.map((steps, index) => {
    const next = new Set<number>();
    const reach = (position: number) => {
      for (const one of close(steps, [position])) next.add(one);
    };
    for (const state of states[index] ?? []) {
      const position = Math.floor(state / 2);
      const step = steps[position];
      if (state % 2 === 1) {
        if (character === '/') reach(position);
        else next.add(state);
      } else if (step?.kind === 'literal' && step.character === character) reach(position + 1);
      else if (step?.kind === 'run' && character !== '/') reach(position);
      else if (step?.kind === 'deep' && character !== '/') next.add(state + 1);
    }
    return next;
  });
}

function accepts(list: readonly (readonly Step[])[], states: States): boolean {
  return list.some((steps, index) => states[index]?.has(steps.length * 2) === true);
}
