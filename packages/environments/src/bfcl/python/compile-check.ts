import type { Expression } from './ast.js';
import { PythonSyntaxError } from './tokenizer.js';

/**
 * What CPython's compiler refuses, and its parser does not: it finds these before anything is evaluated.
 *
 * @throws {PythonSyntaxError} for a repeated keyword argument, `await`, `yield` and asynchronous comprehensions.
 */
export function checkCompilable(expression: Expression): void {
  const pending: unknown[] = [expression];
  while (pending.length > 0) {
    const node = pending.pop();
    if (typeof node !== 'object' || node === null) continue;
    if (Array.isArray(node)) {
      for (let index = node.length - 1; index >= 0; index--) pending.push(node[index]);
      continue;
    }
    const { kind } = node as Expression;
    if (kind === 'constant' || kind === 'name') continue;
    if (kind === 'await' || kind === 'yield' || kind === 'yield from') {
      throw new PythonSyntaxError(`'${kind === 'await' ? 'await' : 'yield'}' outside function`);
    }
    if (
      kind === 'comprehension' &&
      (node as Extract<Expression, { kind: 'comprehension' }>).clauses.some((clause) => clause.isAsync)
    ) {
      throw new PythonSyntaxError('asynchronous comprehension outside of an asynchronous function');
    }
    if (kind === 'call') checkKeywords((node as Extract<Expression, { kind: 'call' }>).keywords);
    const children = Object.values(node);
    for (let index = children.length - 1; index >= 0; index--) pending.push(children[index]);
  }
}

function checkKeywords(keywords: readonly { readonly name: string | null }[]): void {
  const names = new Set<string>();
  for (const { name } of keywords) {
    if (name === null) continue;
    if (names.has(name)) throw new PythonSyntaxError(`keyword argument repeated: ${name}`);
    names.add(name);
  }
}
