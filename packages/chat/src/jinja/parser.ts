import type {
  BinaryOperator,
  CallArguments,
  CompareOperator,
  Expression,
  Signature,
  Statement,
  Target,
} from './ast.js';
import { JinjaFailure } from './jinja-error.js';
import { type Token, type TokenType, tokenize } from './lexer.js';

/** Deepest nesting of expressions and statements. Left-leaning chains (`a ~ b + c …`) count too: they nest in the tree. */
const MAX_NESTING = 250;
const NO_ARGUMENTS: CallArguments = { args: [], kwargs: [], dynamicArgs: undefined, dynamicKwargs: undefined };
const CONSTANTS: ReadonlyMap<string, boolean | null> = new Map([
  ['true', true],
  ['True', true],
  ['false', false],
  ['False', false],
  ['none', null],
  ['None', null],
]);
const COMPARISONS: ReadonlySet<string> = new Set(['==', '!=', '<', '<=', '>', '>=']);
const STARTS_TEST_ARGUMENT: ReadonlySet<TokenType> = new Set(['name', 'string', 'integer', 'float']);
const NOT_A_TEST_ARGUMENT: ReadonlySet<string> = new Set(['else', 'or', 'and']);

/**
 * Statements of a template.
 *
 * @throws {JinjaFailure} kind syntax, or unsupported for include, import, extends and block: a chat template has no loader.
 */
export function parse(source: string): Statement[] {
  return new Parser(tokenize(source)).parseTemplate();
}

/** Recursive descent with Jinja's own order of precedence, which is not Python's: `-2 ** 2` is 4, `~` binds more than `+`. */
class Parser {
  private index = 0;
  private depth = 0;
  /** Special names read in the macro body that is being parsed. */
  private reads: Set<string> | undefined;

  constructor(private readonly tokens: readonly Token[]) {}

  parseTemplate(): Statement[] {
    const body = this.parseBody([]);
    return body;
  }

  /** Statements up to one of the end tags, which stays current behind its `{%`; none: up to the end. */
  private parseBody(ends: readonly string[]): Statement[] {
    const opened = this.current;
    const body: Statement[] = [];
    for (;;) {
      const token = this.current;
      if (token.type === 'eof') {
        if (ends.length === 0) return body;
        throw new JinjaFailure('syntax', `expected {% ${ends.join(' %} or {% ')} %}, received the end`, opened.at);
      }
      this.index += 1;
      if (token.type === 'data') {
        body.push({ kind: 'text', text: token.value, at: token.at });
      } else if (token.type === 'variable_begin') {
        const expression = this.nested(() => this.parseTuple());
        this.expectType('variable_end', '}}');
        body.push({ kind: 'output', expression, at: expression.at });
      } else {
        if (this.current.type === 'name' && ends.includes(this.current.value)) return body;
        body.push(...this.nested(() => this.parseStatement(ends)));
        this.expectType('block_end', '%}');
      }
    }
  }

  /** Body of a block: from the end of its opening tag to the name of its end tag, which is consumed. */
  private parseBlock(...ends: string[]): { body: Statement[]; end: string } {
    this.takeOperator(':');
    this.expectType('block_end', '%}');
    const body = this.nested(() => this.parseBody(ends));
    const end = this.current.value;
    this.index += 1;
    return { body, end };
  }

  private parseStatement(ends: readonly string[]): Statement[] {
    const { at, value: tag, type } = this.current;
    if (type !== 'name') throw this.failure('expected a tag name');
    this.index += 1;
    switch (tag) {
      case 'if':
        return [this.parseIf(at)];
      case 'for':
        return [this.parseFor(at)];
      case 'set':
        return [this.parseSet(at)];
      case 'macro':
        return [this.parseMacro(at)];
      case 'call':
        return [this.parseCallBlock(at)];
      case 'filter': {
        const filter = this.parseFilters(undefined, true) as Expression;
        return [{ kind: 'filter-block', filter, body: this.parseBlock('endfilter').body, at }];
      }
      case 'with':
        return [this.parseWith(at)];
      case 'generation':
        return [{ kind: 'generation', body: this.parseBlock('endgeneration').body, at }];
      case 'print':
        return this.parsePrint(at);
      case 'break':
      case 'continue':
        return [{ kind: tag, at }];
      case 'autoescape': {
        const isOn = this.parseExpression();
        if (isOn.kind !== 'const' || isOn.value !== false) {
          throw new JinjaFailure('unsupported', 'expected autoescape false: chat templates write plain text', at);
        }
        return [{ kind: 'with', targets: [], body: this.parseBlock('endautoescape').body, at }];
      }
      case 'include':
      case 'import':
      case 'from':
      case 'extends':
      case 'block':
        throw new JinjaFailure('unsupported', `expected a template of one file, received {% ${tag} %}`, at);
      default: {
        const wanted = ends.length > 0 ? ` or {% ${ends.join(' %} or {% ')} %}` : '';
        throw new JinjaFailure('syntax', `expected a known tag${wanted}, received {% ${tag.slice(0, 40)} %}`, at);
      }
    }
  }

  private parseIf(at: number): Statement {
    const branches: { test: Expression; body: Statement[] }[] = [];
    for (;;) {
      const test = this.parseTuple({ withCondition: false });
      const { body, end } = this.parseBlock('elif', 'else', 'endif');
      branches.push({ test, body });
      if (end === 'elif') continue;
      const otherwise = end === 'else' ? this.parseBlock('endif').body : [];
      return { kind: 'if', branches, otherwise, at };
    }
  }

  private parseFor(at: number): Statement {
    const target = this.parseTarget(false, 'in');
    this.expectName('in');
    const iterable = this.parseTuple({ withCondition: false, end: 'recursive' });
    const test = this.takeName('if') ? this.parseExpression() : undefined;
    const isRecursive = this.takeName('recursive');
    const { body, end } = this.parseBlock('endfor', 'else');
    const otherwise = end === 'else' ? this.parseBlock('endfor').body : [];
    return { kind: 'for', target, iterable, test, isRecursive, body, otherwise, at };
  }

  private parseSet(at: number): Statement {
    const target = this.parseTarget(true);
    if (this.takeOperator('=')) return { kind: 'set', target, value: this.parseTuple(), at };
    const filter = this.parseFilters(undefined);
    return { kind: 'set-block', target, filter, body: this.parseBlock('endset').body, at };
  }

  private parseMacro(at: number): Statement {
    const name = this.expectType('name', 'a macro name').value;
    const signature = this.parseSignature();
    const outer = this.reads;
    this.reads = new Set();
    const { body } = this.parseBlock('endmacro');
    const statement: Statement = { kind: 'macro', name, signature, body, reads: this.reads, at };
    // A macro inside a macro: what the inner one reads, Jinja finds in the outer body too.
    for (const read of this.reads) outer?.add(read);
    this.reads = outer;
    return statement;
  }

  private parseCallBlock(at: number): Statement {
    const signature = this.sees('(') ? this.parseSignature() : { parameters: [] };
    const call = this.parseExpression();
    if (call.kind !== 'call') throw new JinjaFailure('syntax', 'expected a call after {% call', call.at);
    return { kind: 'call-block', call, signature, body: this.parseBlock('endcall').body, at };
  }

  private parseWith(at: number): Statement {
    const targets: [Target, Expression][] = [];
    while (this.current.type !== 'block_end' && !this.sees(':')) {
      if (targets.length > 0) this.expectOperator(',');
      const target = this.parseTarget(false);
      this.expectOperator('=');
      targets.push([target, this.parseExpression()]);
    }
    return { kind: 'with', targets, body: this.parseBlock('endwith').body, at };
  }

  private parsePrint(at: number): Statement[] {
    const printed: Statement[] = [];
    while (this.current.type !== 'block_end') {
      if (printed.length > 0) this.expectOperator(',');
      printed.push({ kind: 'output', expression: this.parseExpression(), at });
    }
    return printed;
  }

  private parseSignature(): Signature {
    const parameters: { name: string; fallback: Expression | undefined }[] = [];
    this.expectOperator('(');
    while (!this.sees(')')) {
      if (parameters.length > 0) this.expectOperator(',');
      const { value: name, at } = this.expectType('name', 'a parameter name');
      const fallback = this.takeOperator('=') ? this.parseExpression() : undefined;
      if (name === 'caller' && fallback === undefined) {
        throw new JinjaFailure('syntax', 'expected a default for the parameter caller, which call blocks pass', at);
      }
      if (fallback === undefined && parameters.at(-1)?.fallback !== undefined) {
        throw new JinjaFailure('syntax', `expected a default for ${name}, as for the parameter before it`, at);
      }
      parameters.push({ name, fallback });
    }
    this.expectOperator(')');
    return { parameters };
  }

  /** `name`, `namespace.name` where allowed, or several of them. */
  private parseTarget(withNamespace: boolean, end?: string): Target {
    const { at } = this.current;
    const parseOne = (): Target => this.nested(() => this.parseTargetItem(withNamespace));
    const first = parseOne();
    if (!this.sees(',')) return first;
    const items = [first];
    while (this.takeOperator(',')) {
      if (this.sees('=') || this.sees(')') || this.current.type === 'block_end') break;
      if (end !== undefined && this.current.type === 'name' && this.current.value === end) break;
      items.push(parseOne());
    }
    return { kind: 'targets', items, at };
  }

  private parseTargetItem(withNamespace: boolean): Target {
    const { at } = this.current;
    if (this.takeOperator('(')) {
      const inner = this.parseTarget(withNamespace);
      this.expectOperator(')');
      return inner;
    }
    const name = this.expectType('name', 'a name to assign to').value;
    if (CONSTANTS.has(name)) throw new JinjaFailure('syntax', `expected a name to assign to, received ${name}`, at);
    if (withNamespace && this.takeOperator('.')) {
      return { kind: 'namespace', name, attribute: this.expectType('name', 'an attribute name').value, at };
    }
    return { kind: 'name', name, at };
  }

  private parseTuple(options: { withCondition?: boolean; end?: string; hasParentheses?: boolean } = {}): Expression {
    const { withCondition = true, end, hasParentheses = false } = options;
    const { at } = this.current;
    const items: Expression[] = [];
    let isTuple = false;
    for (;;) {
      const token = this.current;
      const isEnd =
        token.type === 'variable_end' ||
        token.type === 'block_end' ||
        this.sees(')') ||
        (token.type === 'name' && token.value === end);
      if (isEnd) break;
      items.push(this.nested(() => (withCondition ? this.parseExpression() : this.parseOr())));
      if (!this.takeOperator(',')) break;
      isTuple = true;
    }
    if (!isTuple) {
      if (items[0] !== undefined) return items[0];
      if (!hasParentheses) throw this.failure('expected an expression');
    }
    return { kind: 'tuple', items, at };
  }

  private parseExpression(): Expression {
    return this.nested(() => {
      let expression = this.parseOr();
      while (this.takeName('if')) {
        const { at } = expression;
        const test = this.parseOr();
        const whenFalse = this.takeName('else') ? this.parseExpression() : undefined;
        expression = { kind: 'condition', test, whenTrue: expression, whenFalse, at };
      }
      return expression;
    });
  }

  private parseOr(): Expression {
    return this.parseChain(
      () => this.parseAnd(),
      () => (this.takeName('or') ? 'or' : undefined),
      (operator, left, right, at) => ({ kind: 'logic', operator, left, right, at }),
    );
  }

  private parseAnd(): Expression {
    return this.parseChain(
      () => this.parseNot(),
      () => (this.takeName('and') ? 'and' : undefined),
      (operator, left, right, at) => ({ kind: 'logic', operator, left, right, at }),
    );
  }

  private parseNot(): Expression {
    const { at } = this.current;
    if (!this.takeName('not')) return this.parseCompare();
    return { kind: 'not', operand: this.nested(() => this.parseNot()), at };
  }

  private parseCompare(): Expression {
    const first = this.parseSum();
    const rest: [CompareOperator, Expression][] = [];
    for (;;) {
      const token = this.current;
      if (token.type === 'operator' && COMPARISONS.has(token.value)) {
        this.index += 1;
        rest.push([token.value as CompareOperator, this.parseSum()]);
      } else if (this.takeName('in')) {
        rest.push(['in', this.parseSum()]);
      } else if (token.type === 'name' && token.value === 'not' && this.tokens[this.index + 1]?.value === 'in') {
        this.index += 2;
        rest.push(['not in', this.parseSum()]);
      } else break;
    }
    return rest.length === 0 ? first : { kind: 'compare', first, rest, at: first.at };
  }

  private parseSum(): Expression {
    return this.parseBinary(['+', '-'], () => this.parseConcat());
  }

  private parseConcat(): Expression {
    const first = this.parseProduct();
    if (!this.sees('~')) return first;
    const items = [first];
    while (this.takeOperator('~')) items.push(this.parseProduct());
    return { kind: 'concat', items, at: first.at };
  }

  private parseProduct(): Expression {
    return this.parseBinary(['*', '/', '//', '%'], () => this.parseBinary(['**'], () => this.parseUnary(true)));
  }

  private parseBinary(operators: readonly BinaryOperator[], parseOperand: () => Expression): Expression {
    return this.parseChain(
      parseOperand,
      () => operators.find((operator) => this.takeOperator(operator)),
      (operator, left, right, at) => ({ kind: 'binary', operator, left, right, at }),
    );
  }

  /** Operands joined from the left. The tree grows by a level an operator, so the chain counts as nesting. */
  private parseChain<T>(
    parseOperand: () => Expression,
    takeOperator: () => T | undefined,
    join: (operator: T, left: Expression, right: Expression, at: number) => Expression,
  ): Expression {
    let left = parseOperand();
    for (let count = 1; ; count++) {
      const { at } = this.current;
      const operator = takeOperator();
      if (operator === undefined) return left;
      this.checkNesting(this.depth + count, at);
      left = join(operator, left, parseOperand(), at);
    }
  }

  private parseUnary(withFilter: boolean): Expression {
    return this.nested(() => {
      const { at, value } = this.current;
      let node: Expression;
      if (this.sees('-') || this.sees('+')) {
        this.index += 1;
        node = { kind: 'sign', operator: value as '+' | '-', operand: this.parseUnary(false), at };
      } else {
        node = this.parsePrimary();
      }
      node = this.parsePostfix(node);
      return withFilter ? this.parseFilterExpression(node) : node;
    });
  }

  private parsePrimary(): Expression {
    const token = this.current;
    const { at } = token;
    this.index += 1;
    switch (token.type) {
      case 'name': {
        const constant = CONSTANTS.get(token.value);
        if (constant !== undefined) return { kind: 'const', value: constant, at };
        this.reads?.add(token.value);
        return { kind: 'name', name: token.value, at };
      }
      case 'string': {
        let value = token.value;
        while (this.current.type === 'string') {
          value += this.current.value;
          this.index += 1;
        }
        return { kind: 'const', value, at };
      }
      case 'integer':
        if (token.value.length > 4000) throw new JinjaFailure('limit', 'expected a number of 4000 digits at most', at);
        // "00" is Python's zero in decimal.
        return { kind: 'const', value: BigInt(/^0+$/.test(token.value) ? '0' : token.value.toLowerCase()), at };
      case 'float':
        return { kind: 'const', value: Number(token.value), at };
    }
    if (token.type === 'operator') {
      switch (token.value) {
        case '(': {
          const inner = this.parseTuple({ hasParentheses: true });
          this.expectOperator(')');
          return inner;
        }
        case '[':
          return { kind: 'list', items: this.parseItems(']', () => this.parseExpression()), at };
        case '{': {
          const entries = this.parseItems('}', (): [Expression, Expression] => {
            const key = this.parseExpression();
            this.expectOperator(':');
            return [key, this.parseExpression()];
          });
          return { kind: 'dict', entries, at };
        }
      }
    }
    this.index -= 1;
    throw this.failure('expected an expression');
  }

  private parseItems<T>(closing: string, parseItem: () => T): T[] {
    const items: T[] = [];
    while (!this.takeOperator(closing)) {
      if (items.length > 0) this.expectOperator(',');
      if (this.takeOperator(closing)) break;
      items.push(parseItem());
    }
    return items;
  }

  private parsePostfix(node: Expression): Expression {
    let result = node;
    for (let count = 1; ; count++) {
      const { at } = this.current;
      this.checkNesting(this.depth + count, at);
      if (this.takeOperator('.')) {
        const { type, value } = this.current;
        this.index += 1;
        if (type === 'name') result = { kind: 'attribute', object: result, name: value, at };
        else if (type === 'integer') {
          result = { kind: 'item', object: result, key: { kind: 'const', value: BigInt(value), at }, at };
        } else {
          this.index -= 1;
          throw this.failure('expected a name or a number after "."');
        }
      } else if (this.takeOperator('[')) result = this.parseSubscript(result, at);
      else if (this.sees('(')) result = this.parseCall(result);
      else return result;
    }
  }

  private parseSubscript(object: Expression, at: number): Expression {
    const parts: (Expression | undefined)[] = [];
    let part: Expression | undefined;
    let colons = 0;
    while (!this.takeOperator(']')) {
      if (this.takeOperator(':')) {
        colons += 1;
        parts.push(part);
        part = undefined;
        if (colons > 2) throw this.failure('expected at most two ":" in a slice');
      } else if (part === undefined) {
        part = this.parseExpression();
        if (colons === 0 && this.sees(',')) return this.parseTupleSubscript(object, part, at);
      } else throw this.failure('expected "]"');
    }
    if (colons === 0) {
      return { kind: 'item', object, key: part ?? { kind: 'tuple', items: [], at }, at };
    }
    parts.push(part);
    return { kind: 'slice', object, start: parts[0], stop: parts[1], step: parts[2], at };
  }

  private parseTupleSubscript(object: Expression, first: Expression, at: number): Expression {
    const items = [first];
    while (!this.takeOperator(']')) {
      this.expectOperator(',');
      items.push(this.parseExpression());
    }
    return { kind: 'item', object, key: { kind: 'tuple', items, at }, at };
  }

  private parseCall(callee: Expression): Expression {
    const { at } = this.current;
    return { kind: 'call', callee, arguments: this.parseArguments(), at };
  }

  private parseArguments(): CallArguments {
    const { at } = this.current;
    const args: Expression[] = [];
    const kwargs: [string, Expression][] = [];
    let dynamicArgs: Expression | undefined;
    let dynamicKwargs: Expression | undefined;
    const ensure = (isFine: boolean): void => {
      if (!isFine) {
        throw new JinjaFailure('syntax', 'expected positional arguments, then keywords, then *args and **kwargs', at);
      }
    };
    this.expectOperator('(');
    for (let isFirst = true; !this.sees(')'); isFirst = false) {
      if (!isFirst) {
        this.expectOperator(',');
        if (this.sees(')')) break;
      }
      const token = this.current;
      const next = this.tokens[this.index + 1];
      if (this.takeOperator('*')) {
        ensure(dynamicArgs === undefined && dynamicKwargs === undefined);
        dynamicArgs = this.parseExpression();
      } else if (this.takeOperator('**')) {
        ensure(dynamicKwargs === undefined);
        dynamicKwargs = this.parseExpression();
      } else if (token.type === 'name' && next?.type === 'operator' && next.value === '=') {
        ensure(dynamicKwargs === undefined);
        this.index += 2;
        kwargs.push([token.value, this.parseExpression()]);
      } else {
        ensure(dynamicArgs === undefined && dynamicKwargs === undefined && kwargs.length === 0);
        args.push(this.parseExpression());
      }
    }
    this.expectOperator(')');
    return { args, kwargs, dynamicArgs, dynamicKwargs };
  }

  private parseFilterExpression(node: Expression): Expression {
    let result = node;
    for (let count = 1; ; count++) {
      this.checkNesting(this.depth + count, this.current.at);
      if (this.sees('|')) result = this.parseFilters(result) as Expression;
      else if (this.current.type === 'name' && this.current.value === 'is') result = this.parseTest(result);
      else if (this.sees('(')) result = this.parseCall(result);
      else return result;
    }
  }

  /** Filters in a row; `isInline`: the first one stands without `|`, as in a filter block. */
  private parseFilters(operand: Expression | undefined, isInline = false): Expression | undefined {
    let result = operand;
    for (let count = 1; (isInline && count === 1) || this.takeOperator('|'); count++) {
      const { at } = this.current;
      this.checkNesting(this.depth + count, at);
      const name = this.parseDottedName('a filter name');
      const args = this.sees('(') ? this.parseArguments() : NO_ARGUMENTS;
      result = { kind: 'filter', operand: result, name, arguments: args, at };
    }
    return result;
  }

  private parseTest(operand: Expression): Expression {
    const { at } = this.current;
    this.index += 1;
    const isNegated = this.takeName('not');
    const name = this.parseDottedName('a test name');
    const token = this.current;
    let args = NO_ARGUMENTS;
    if (this.sees('(')) {
      args = this.parseArguments();
    } else if (
      (STARTS_TEST_ARGUMENT.has(token.type) && !(token.type === 'name' && NOT_A_TEST_ARGUMENT.has(token.value))) ||
      this.sees('[') ||
      this.sees('{')
    ) {
      if (token.type === 'name' && token.value === 'is')
        throw this.failure('expected one test, "is" cannot be chained');
      args = { ...NO_ARGUMENTS, args: [this.parsePostfix(this.parsePrimary())] };
    }
    const test: Expression = { kind: 'test', operand, name, arguments: args, at };
    return isNegated ? { kind: 'not', operand: test, at } : test;
  }

  private parseDottedName(what: string): string {
    let name = this.expectType('name', what).value;
    while (this.takeOperator('.')) name += `.${this.expectType('name', what).value}`;
    return name;
  }

  private get current(): Token {
    return this.tokens[this.index]!;
  }

  private sees(operator: string): boolean {
    return this.current.type === 'operator' && this.current.value === operator;
  }

  private takeOperator(operator: string): boolean {
    const isThere = this.sees(operator);
    if (isThere) this.index += 1;
    return isThere;
  }

  private expectOperator(operator: string): void {
    if (!this.takeOperator(operator)) throw this.failure(`expected "${operator}"`);
  }

  private takeName(name: string): boolean {
    const isThere = this.current.type === 'name' && this.current.value === name;
    if (isThere) this.index += 1;
    return isThere;
  }

  private expectName(name: string): void {
    if (!this.takeName(name)) throw this.failure(`expected "${name}"`);
  }

  private expectType(type: TokenType, what: string): Token {
    const token = this.current;
    if (token.type !== type) throw this.failure(`expected ${what}`);
    this.index += 1;
    return token;
  }

  private failure(expectation: string): JinjaFailure {
    const { type, value, at } = this.current;
    const found = type === 'eof' ? 'the end of the template' : JSON.stringify([...value].slice(0, 24).join(''));
    return new JinjaFailure('syntax', `${expectation}, received ${found}`, at);
  }

  private nested<T>(parseInner: () => T): T {
    this.depth += 1;
    this.checkNesting(this.depth, this.current.at);
    try {
      return parseInner();
    } finally {
      this.depth -= 1;
    }
  }

  private checkNesting(depth: number, at: number): void {
    if (depth > MAX_NESTING) {
      throw new JinjaFailure('limit', `expected at most ${MAX_NESTING} levels of nesting`, at);
    }
  }
}
