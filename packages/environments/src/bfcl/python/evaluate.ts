import type { CallExpression, ComprehensionClause, Expression, FormattedPart, LambdaExpression } from './ast.js';
import { attributeOf } from './attributes.js';
import { type Arguments, PyCallable } from './callable.js';
import { checkCompilable } from './compile-check.js';
import { formatValue } from './format.js';
import { PyIterator } from './iterables.js';
import { defaultsOf, PyFunction } from './lambda.js';
import { applyBinary, applyComparison, applyUnary } from './operators.js';
import { converted } from './str-format.js';
import { itemAt, sliceOf } from './subscript.js';
import { PythonSyntaxError } from './tokenizer.js';
import { isTruthy, iterate, PyDict, PySet, PyTuple, PythonError, type PyValue, typeError, typeName } from './value.js';

/** Looks up a global name; undefined where there is none. */
export type Scope = (name: string) => PyValue | undefined;

/** CPython's compiler gives up on expressions nested about this deep. */
const MAX_DEPTH = 1500;
/** Items that the comprehensions of one expression may produce. */
const MAX_COMPREHENSION_ITEMS = 100_000;
/**
 * Evaluations of one expression, large texts and lists counted by their length: what goes on longer (nested lambdas can, and
 * methods on long texts) ends as MemoryError.
 */
const MAX_WORK = 1_000_000;
/** Lambdas that call each other; CPython follows about three times as many. */
const MAX_LAMBDA_DEPTH = 300;
/** Length from which a text or list counts as work. */
const LARGE = 256;

/**
 * Evaluates an expression. Reaches nothing but what `scope` hands out.
 *
 * @throws {PythonError} as Python would raise it.
 * @throws {PythonSyntaxError} for what only Python's compiler refuses (a repeated keyword argument).
 */
export function evaluate(expression: Expression, scope: Scope): PyValue {
  checkCompilable(expression);
  return new Evaluator().evaluate(expression, scope);
}

class Evaluator {
  #depth = 0;
  #comprehensionItems = 0;
  #work = 0;
  #lambdaDepth = 0;
  /** By `:=` within this expression. */
  readonly #assigned = new Map<string, PyValue>();

  evaluate(expression: Expression, scope: Scope): PyValue {
    if (++this.#depth > MAX_DEPTH) {
      throw new PythonError('RecursionError', 'maximum recursion depth exceeded during compilation');
    }
    const value = this.#evaluateKind(expression, scope);
    this.#depth--;
    this.#charge(value);
    return value;
  }

  #charge(value: PyValue): void {
    const length = typeof value === 'string' || Array.isArray(value) ? value.length : 0;
    this.#work += length < LARGE ? 1 : length / 16;
    if (this.#work > MAX_WORK) throw new PythonError('MemoryError', '');
  }

  #evaluateKind(expression: Expression, scope: Scope): PyValue {
    switch (expression.kind) {
      case 'constant':
        return expression.value;
      case 'name': {
        const { id } = expression;
        const value = this.#assigned.has(id) ? this.#assigned.get(id) : scope(id);
        if (value === undefined) throw new PythonError('NameError', `name '${id}' is not defined`);
        return value;
      }
      case 'named': {
        const value = this.evaluate(expression.value, scope);
        this.#assigned.set(expression.target, value);
        return value;
      }
      case 'call':
        return this.#call(expression, scope);
      case 'list':
        return this.#items(expression.items, scope);
      case 'tuple':
        return new PyTuple(this.#items(expression.items, scope));
      case 'set':
        return new PySet(this.#items(expression.items, scope));
      case 'dict':
        return this.#dict(expression, scope);
      case 'unary':
        return applyUnary(expression.operator, this.evaluate(expression.operand, scope));
      case 'binary':
        return applyBinary(
          expression.operator,
          this.evaluate(expression.left, scope),
          this.evaluate(expression.right, scope),
        );
      case 'boolean':
        return this.#boolean(expression, scope);
      case 'comparison':
        return this.#comparison(expression, scope);
      case 'conditional':
        return this.evaluate(
          isTruthy(this.evaluate(expression.test, scope)) ? expression.body : expression.otherwise,
          scope,
        );
      case 'attribute':
        return attributeOf(this.evaluate(expression.value, scope), expression.attribute);
      case 'subscript':
        return this.#subscript(expression, scope);
      case 'formatted':
        return this.#formatted(expression.parts, scope);
      case 'comprehension':
        return this.#comprehension(expression, scope);
      case 'starred':
        throw new PythonSyntaxError("can't use starred expression here");
      case 'lambda':
        return this.#lambda(expression, scope);
      case 'slice':
        throw typeError("unhashable type: 'slice'");
      case 'await':
      case 'yield':
      case 'yield from':
        throw new PythonSyntaxError(`'${expression.kind === 'await' ? 'await' : 'yield'}' outside function`);
    }
  }

  #formatted(parts: readonly FormattedPart[], scope: Scope): string {
    return parts
      .map((part) => {
        if (typeof part === 'string') return part;
        const value = converted(this.evaluate(part.value, scope), part.conversion);
        return formatValue(value, this.#formatted(part.specification, scope));
      })
      .join('');
  }

  #lambda({ parameters, body }: LambdaExpression, scope: Scope): PyFunction {
    const defaults = defaultsOf(parameters, (value) => this.evaluate(value, scope));
    return new PyFunction(parameters, defaults, (bound) => {
      if (++this.#lambdaDepth > MAX_LAMBDA_DEPTH) {
        throw new PythonError('RecursionError', 'maximum recursion depth exceeded');
      }
      const value = this.evaluate(body, (name) => (bound.has(name) ? bound.get(name) : scope(name)));
      this.#lambdaDepth--;
      return value;
    });
  }

  #items(items: readonly Expression[], scope: Scope): PyValue[] {
    const values: PyValue[] = [];
    for (const item of items) {
      if (item.kind !== 'starred') values.push(this.evaluate(item, scope));
      else for (const value of iterate(this.evaluate(item.value, scope))) values.push(value);
    }
    return values;
  }

  #dict(expression: Extract<Expression, { kind: 'dict' }>, scope: Scope): PyDict {
    const dict = new PyDict();
    for (const { key, value } of expression.entries) {
      if (key !== null) {
        dict.set(this.evaluate(key, scope), this.evaluate(value, scope));
        continue;
      }
      const mapping = this.evaluate(value, scope);
      if (!(mapping instanceof PyDict)) throw typeError(`'${typeName(mapping)}' object is not a mapping`);
      for (const [mappedKey, mappedValue] of mapping.entries()) dict.set(mappedKey, mappedValue);
    }
    return dict;
  }

  #boolean(expression: Extract<Expression, { kind: 'boolean' }>, scope: Scope): PyValue {
    let value: PyValue = null;
    for (const operand of expression.operands) {
      value = this.evaluate(operand, scope);
      if (isTruthy(value) === (expression.operator === 'or')) break;
    }
    return value;
  }

  #comparison(expression: Extract<Expression, { kind: 'comparison' }>, scope: Scope): boolean {
    let left = this.evaluate(expression.first, scope);
    for (const { operator, operand } of expression.rest) {
      const right = this.evaluate(operand, scope);
      if (!applyComparison(operator, left, right)) return false;
      left = right;
    }
    return true;
  }

  #call(expression: CallExpression, scope: Scope): PyValue {
    const names = new Set(expression.keywords.flatMap(({ name }) => name ?? []));
    const callee = this.evaluate(expression.callee, scope);
    const positional = this.#items(expression.positional, scope);
    const keywords: { name: string; value: PyValue }[] = [];
    for (const { name, value } of expression.keywords) {
      if (name !== null) keywords.push({ name, value: this.evaluate(value, scope) });
      else keywords.push(...unpackKeywords(this.evaluate(value, scope), names));
    }
    if (!(callee instanceof PyCallable)) throw typeError(`'${typeName(callee)}' object is not callable`);
    for (const value of positional) this.#charge(value);
    return callee.call({ positional, keywords } satisfies Arguments);
  }

  #subscript(expression: Extract<Expression, { kind: 'subscript' }>, scope: Scope): PyValue {
    const value = this.evaluate(expression.value, scope);
    const { index } = expression;
    if (index.kind !== 'slice') return itemAt(value, this.evaluate(index, scope));
    const bound = (part: Expression | null): PyValue => (part === null ? null : this.evaluate(part, scope));
    return sliceOf(value, bound(index.lower), bound(index.upper), bound(index.step));
  }

  #comprehension(expression: Extract<Expression, { kind: 'comprehension' }>, scope: Scope): PyValue {
    const results: (readonly [PyValue, PyValue])[] = [];
    const visit = (clauses: readonly ComprehensionClause[], inner: Scope): void => {
      const [clause, ...rest] = clauses;
      if (clause === undefined) {
        const element = this.evaluate(expression.element, inner);
        results.push([element, expression.value === undefined ? null : this.evaluate(expression.value, inner)]);
        return;
      }
      for (const item of iterate(this.evaluate(clause.iterable, inner))) {
        if (++this.#comprehensionItems > MAX_COMPREHENSION_ITEMS) throw new PythonError('MemoryError', '');
        const bound = bindTarget(clause.target, item, inner);
        if (clause.conditions.every((condition) => isTruthy(this.evaluate(condition, bound)))) visit(rest, bound);
      }
    };
    visit(expression.clauses, scope);
    if (expression.shape === 'dict') return new PyDict(results);
    const items = results.map(([item]) => item);
    if (expression.shape === 'generator') return new PyIterator('generator', items);
    return expression.shape === 'set' ? new PySet(items) : items;
  }
}

function bindTarget(target: Expression, item: PyValue, scope: Scope): Scope {
  if (target.kind === 'name') return (name) => (name === target.id ? item : scope(name));
  if (target.kind !== 'tuple') throw typeError('unsupported loop target');
  const values = iterate(item);
  const wanted = target.items.length;
  if (values.length > wanted) throw new PythonError('ValueError', `too many values to unpack (expected ${wanted})`);
  if (values.length < wanted) {
    throw new PythonError('ValueError', `not enough values to unpack (expected ${wanted}, got ${values.length})`);
  }
  return target.items.reduce((inner, name, index) => bindTarget(name, values[index] as PyValue, inner), scope);
}

function unpackKeywords(mapping: PyValue, names: Set<string>): { name: string; value: PyValue }[] {
  if (!(mapping instanceof PyDict)) throw typeError(`argument after ** must be a mapping, not ${typeName(mapping)}`);
  return Array.from(mapping.entries(), ([name, value]) => {
    if (typeof name !== 'string') throw typeError('keywords must be strings');
    if (names.has(name)) throw typeError(`got multiple values for keyword argument '${name}'`);
    names.add(name);
    return { name, value };
  });
}
