import type { Expression, Rule } from './expression.js';

/** An arrow between states; see `TokenGrammar` of `@parl-mt/native`, which runs them. State 0 is where a text begins. */
export type AutomatonEdge =
  | { readonly kind: 'empty'; readonly from: number; readonly to: number }
  | {
      readonly kind: 'bytes';
      readonly from: number;
      readonly first: number;
      readonly last: number;
      readonly to: number;
    }
  | { readonly kind: 'call'; readonly from: number; readonly start: number; readonly to: number }
  | { readonly kind: 'leave'; readonly from: number };

/** Where an expression leads: a state, or the end of the automaton it is in. */
type Target = number | 'end';

/**
 * Automata of an expression and of every rule in it. A rule at the end of another is entered without a return, so that chains of
 * rules (a counted text) take no stack.
 *
 * @param specialBytes - the letters that stand for a special token.
 */
export function automatonEdges(
  expression: Expression,
  specialBytes: (token: string) => readonly number[],
): readonly AutomatonEdge[] {
  const edges: AutomatonEdge[] = [];
  const starts = new Map<Rule, number>();
  const open: Rule[] = [];
  let states = 1;
  const startOf = (rule: Rule): number => {
    let start = starts.get(rule);
    if (start === undefined) {
      start = states++;
      starts.set(rule, start);
      open.push(rule);
    }
    return start;
  };
  const arrive = (from: number, target: Target): void => {
    edges.push(target === 'end' ? { kind: 'leave', from } : { kind: 'empty', from, to: target });
  };
  const onBytes = (from: number, first: number, last: number, target: Target): void => {
    const to = target === 'end' ? states++ : target;
    edges.push({ kind: 'bytes', from, first, last, to });
    if (target === 'end') arrive(to, 'end');
  };
  const chain = (from: number, steps: readonly ((from: number, target: Target) => void)[], target: Target): void => {
    if (steps.length === 0) arrive(from, target);
    let at = from;
    for (const [i, step] of steps.entries()) {
      const next = i + 1 < steps.length ? states++ : target;
      step(at, next);
      at = next as number;
    }
  };
  const compile = (item: Expression, from: number, target: Target): void => {
    switch (item.kind) {
      case 'bytes':
        onBytes(from, item.first, item.last, target);
        break;
      case 'special':
        chain(
          from,
          specialBytes(item.token).map((byte) => (at: number, to: Target) => onBytes(at, byte, byte, to)),
          target,
        );
        break;
      case 'sequence':
        chain(
          from,
          item.items.map((each) => (at: number, to: Target) => compile(each, at, to)),
          target,
        );
        break;
      case 'choice':
        for (const each of item.items) compile(each, from, target);
        break;
      case 'repeat': {
        let at = from;
        const step = (to: number): void => {
          compile(item.item, at, to);
          at = to;
        };
        for (let i = 0; i < item.min; i++) step(states++);
        if (item.max === undefined) {
          // A state of its own, so that the loop is not entered from elsewhere.
          const loop = states++;
          edges.push({ kind: 'empty', from: at, to: loop });
          compile(item.item, loop, loop);
          arrive(loop, target);
          break;
        }
        for (let i = item.min; i < item.max; i++) {
          arrive(at, target);
          step(states++);
        }
        arrive(at, target);
        break;
      }
      case 'rule':
        if (target === 'end') edges.push({ kind: 'empty', from, to: startOf(item.rule) });
        else edges.push({ kind: 'call', from, start: startOf(item.rule), to: target });
    }
  };
  compile(expression, 0, 'end');
  for (let rule = open.pop(); rule !== undefined; rule = open.pop())
    compile(rule.expression(), starts.get(rule)!, 'end');
  return edges;
}

/**
 * Whether the bytes are a whole text of the automata, and how many of them at most begin one. The plain form of what the addon does,
 * for tests: every way through is followed, nothing is remembered.
 */
export function readByAutomaton(
  edges: readonly AutomatonEdge[],
  letters: readonly number[],
): { readonly isWhole: boolean; readonly read: number } {
  interface Stack {
    readonly back: number;
    readonly below: Stack | undefined;
  }
  type Thread = readonly [number, Stack | undefined];
  const from = new Map<number, AutomatonEdge[]>();
  for (const edge of edges) from.set(edge.from, [...(from.get(edge.from) ?? []), edge]);
  const keyOf = ([state, stack]: Thread): string => {
    const parts = [state];
    for (let at = stack; at !== undefined; at = at.below) parts.push(at.back);
    return parts.join();
  };
  const closure = (threads: readonly Thread[]): { readonly threads: readonly Thread[]; readonly mayEnd: boolean } => {
    const found = new Map<string, Thread>();
    const waiting = [...threads];
    let mayEnd = false;
    for (let thread = waiting.pop(); thread !== undefined; thread = waiting.pop()) {
      const key = keyOf(thread);
      if (found.has(key)) continue;
      found.set(key, thread);
      const [state, stack] = thread;
      for (const edge of from.get(state) ?? []) {
        if (edge.kind === 'empty') waiting.push([edge.to, stack]);
        else if (edge.kind === 'call') waiting.push([edge.start, { back: edge.to, below: stack }]);
        else if (edge.kind === 'leave') {
          if (stack === undefined) mayEnd = true;
          else waiting.push([stack.back, stack.below]);
        }
      }
    }
    return { threads: [...found.values()], mayEnd };
  };
  let current = closure([[0, undefined]]);
  for (const [i, letter] of letters.entries()) {
    const next = current.threads.flatMap(([state, stack]): Thread[] =>
      (from.get(state) ?? []).flatMap((edge) =>
        edge.kind === 'bytes' && edge.first <= letter && letter <= edge.last ? [[edge.to, stack] as Thread] : [],
      ),
    );
    if (next.length === 0) return { isWhole: false, read: i };
    current = closure(next);
  }
  return { isWhole: current.mayEnd, read: letters.length };
}
