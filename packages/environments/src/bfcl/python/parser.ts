import type { ComprehensionClause, DictEntry, Expression, FormattedPart, LambdaParameter } from './ast.js';
import { splitFormatted } from './formatted-text.js';
import { parseNumber, parseStringBody } from './literals.js';
import type { BinaryOperator, ComparisonOperator } from './operators.js';
import { PythonSyntaxError, type Token, tokenize } from './tokenizer.js';
import { PyBytes, pyEllipsis } from './value.js';

/** Nesting of operators and brackets that the recursive descent follows; CPython has a similar limit of its own. */
const MAX_DEPTH = 800;

const KEYWORDS: ReadonlySet<string> = new Set(
  (
    'False None True and as assert async await break class continue def del elif else except finally for from global ' +
    'if import in is lambda nonlocal not or pass raise return try while with yield'
  ).split(' '),
);

/**
 * Parses one Python expression, as `ast.parse(text, mode="eval")` does.
 *
 * @throws {PythonSyntaxError} for everything else.
 */
export function parseExpression(text: string): Expression {
  return new Parser(tokenize(text)).parseInput();
}

/** Binary operators by binding strength, weakest first; `**` and the unary ones are apart. */
const BINARY_LEVELS: readonly ReadonlySet<string>[] = [
  new Set(['|']),
  new Set(['^']),
  new Set(['&']),
  new Set(['<<', '>>']),
  new Set(['+', '-']),
  new Set(['*', '/', '//', '%', '@']),
];
const COMPARISONS: ReadonlySet<string> = new Set(['<', '<=', '>', '>=', '==', '!=']);

/** A bracket that the text ends without closing. */
class OpenBracketError extends PythonSyntaxError {
  constructor(bracket: string) {
    super(`'${bracket}' was never closed`);
  }
}

class Parser {
  readonly #tokens: readonly Token[];
  #index = 0;
  #depth = 0;
  #brackets = 0;

  constructor(tokens: readonly Token[]) {
    this.#tokens = tokens;
  }

  parseInput(): Expression {
    // Only brackets may hold a starred expression; CPython does not look further.
    if (this.#isOperator('*')) throw new PythonSyntaxError('invalid syntax');
    const value = this.#parseExpressionList('end');
    if (this.#peek().kind !== 'end') this.#fail();
    return value;
  }

  #peek(ahead = 0): Token {
    return this.#tokens[Math.min(this.#index + ahead, this.#tokens.length - 1)] as Token;
  }

  #isOperator(text: string, ahead = 0): boolean {
    const token = this.#peek(ahead);
    return token.kind === 'operator' && token.text === text;
  }

  #isWord(text: string, ahead = 0): boolean {
    const token = this.#peek(ahead);
    return token.kind === 'name' && token.text === text;
  }

  #takeOperator(text: string): boolean {
    if (!this.#isOperator(text)) return false;
    this.#index++;
    return true;
  }

  #takeWord(text: string): boolean {
    if (!this.#isWord(text)) return false;
    this.#index++;
    return true;
  }

  #expectOperator(text: string): void {
    if (!this.#takeOperator(text)) this.#fail();
  }

  /**
   * "Perhaps you forgot a comma?" where two expressions stand side by side in brackets, as CPython words it; an open bracket
   * is named instead where reading the second expression gets to the end of the text.
   */
  #fail(): never {
    this.#refuseOpenEnd();
    const next = this.#peek();
    const startsExpression =
      next.kind === 'number' || next.kind === 'string' || (next.kind === 'name' && !KEYWORDS.has(next.text));
    const previous = this.#index > 0 ? this.#tokens[this.#index - 1] : undefined;
    const endsExpression =
      previous !== undefined &&
      (previous.kind === 'number' ||
        previous.kind === 'string' ||
        (previous.kind === 'name' && next.kind !== 'string') ||
        (previous.kind === 'operator' && /^[)\]}]$/.test(previous.text)));
    const areNeighbours = startsExpression && endsExpression;
    const isMissingComma = this.#brackets > 0 && areNeighbours;
    if (areNeighbours) this.#readOn();
    throw new PythonSyntaxError(isMissingComma ? 'invalid syntax. Perhaps you forgot a comma?' : 'invalid syntax');
  }

  #refuseOpenEnd(): void {
    const { kind, text } = this.#peek();
    if (kind === 'end' && text !== '') throw new OpenBracketError(text);
  }

  /** Reads one more expression only to see whether it gets to the end of the text. */
  #readOn(): void {
    try {
      this.#parseExpression();
    } catch (error) {
      if (error instanceof OpenBracketError || !(error instanceof PythonSyntaxError)) throw error;
      return;
    }
    this.#refuseOpenEnd();
  }

  #nested<T>(parse: () => T): T {
    if (++this.#depth > MAX_DEPTH) throw new PythonSyntaxError('too many nested parentheses');
    const value = parse();
    this.#depth--;
    return value;
  }

  #bracketed<T>(parse: () => T): T {
    this.#brackets++;
    const value = parse();
    this.#brackets--;
    return value;
  }

  /** `a`, or the tuple `a, b,`; stops at a token that cannot start an item. */
  #parseExpressionList(closer: string): Expression {
    const first = this.#parseStarredOrExpression();
    if (!this.#isOperator(',')) {
      if (first.kind === 'starred') {
        if (closer === ')' && this.#isOperator(')')) {
          throw new PythonSyntaxError('cannot use starred expression here');
        }
        this.#fail();
      }
      return first;
    }
    const items = [first];
    while (this.#takeOperator(',')) {
      if (this.#isOperator(closer) || this.#peek().kind === 'end') break;
      items.push(this.#parseStarredOrExpression());
    }
    return { kind: 'tuple', items };
  }

  #parseStarredOrExpression(): Expression {
    if (this.#takeOperator('*')) return { kind: 'starred', value: this.#parseBinary(0) };
    return this.#parseNamedOrExpression();
  }

  /** `name := value` is an item in brackets, and a positional argument. */
  #parseNamedOrExpression(): Expression {
    const name = this.#peek();
    const isNamed = this.#brackets > 0 && name.kind === 'name' && this.#isOperator(':=', 1);
    if (!isNamed || KEYWORDS.has(name.text)) return this.#parseExpression();
    this.#index += 2;
    return { kind: 'named', target: name.text, value: this.#parseExpression() };
  }

  #parseExpression(): Expression {
    return this.#nested(() => {
      if (this.#isWord('lambda')) return this.#parseLambda();
      const value = this.#parseOr();
      if (!this.#takeWord('if')) return value;
      const test = this.#parseOr();
      if (!this.#takeWord('else')) throw new PythonSyntaxError("expected 'else' after 'if' expression");
      return { kind: 'conditional', test, body: value, otherwise: this.#parseExpression() };
    });
  }

  #parseLambda(): Expression {
    this.#index++;
    const parameters: LambdaParameter[] = [];
    let kind: 'plain' | 'keyword only' = 'plain';
    while (!this.#isOperator(':')) {
      if (this.#takeOperator('/')) {
        if (parameters.length === 0 || kind !== 'plain') this.#fail();
        for (const [index, parameter] of parameters.entries()) {
          parameters[index] = { ...parameter, kind: 'positional only' };
        }
      } else if (this.#takeOperator('**')) {
        parameters.push({ name: this.#takeParameterName(), kind: 'double star' });
      } else if (this.#takeOperator('*')) {
        if (kind !== 'plain') this.#fail();
        kind = 'keyword only';
        if (this.#isOperator(':')) throw new PythonSyntaxError('named arguments must follow bare *');
        if (!this.#isOperator(',')) parameters.push({ name: this.#takeParameterName(), kind: 'star' });
      } else {
        const name = this.#takeParameterName();
        const value = this.#takeOperator('=') ? this.#parseExpression() : undefined;
        if (value === undefined && kind === 'plain' && parameters.at(-1)?.default !== undefined) {
          throw new PythonSyntaxError('non-default argument follows default argument');
        }
        parameters.push(value === undefined ? { name, kind } : { name, kind, default: value });
      }
      if (!this.#takeOperator(',') && !this.#isOperator(':')) this.#fail();
    }
    const names = parameters.map(({ name }) => name);
    const repeated = names.find((name, index) => names.indexOf(name) !== index);
    if (repeated !== undefined) {
      throw new PythonSyntaxError(`duplicate argument '${repeated}' in function definition`);
    }
    this.#expectOperator(':');
    return { kind: 'lambda', parameters, body: this.#parseExpression() };
  }

  #takeParameterName(): string {
    const token = this.#peek();
    if (token.kind !== 'name' || KEYWORDS.has(token.text)) this.#fail();
    this.#index++;
    return token.text;
  }

  /** `yield`, `yield value`, `yield from value`: in parentheses only. */
  #parseYield(): Expression {
    this.#index++;
    if (this.#takeWord('from')) return { kind: 'yield from', value: this.#parseExpression() };
    if (this.#isOperator(')')) return { kind: 'yield', value: null };
    return { kind: 'yield', value: this.#parseExpressionList(')') };
  }

  #parseOr(): Expression {
    return this.#parseLogical('or', () => this.#parseLogical('and', () => this.#parseNot()));
  }

  #parseLogical(operator: 'and' | 'or', parseOperand: () => Expression): Expression {
    const first = parseOperand();
    if (!this.#isWord(operator)) return first;
    const operands = [first];
    while (this.#takeWord(operator)) operands.push(parseOperand());
    return { kind: 'boolean', operator, operands };
  }

  #parseNot(): Expression {
    if (!this.#takeWord('not')) return this.#parseComparison();
    return { kind: 'unary', operator: 'not', operand: this.#nested(() => this.#parseNot()) };
  }

  #parseComparison(): Expression {
    const first = this.#parseBinary(0);
    const rest: { operator: ComparisonOperator; operand: Expression }[] = [];
    for (let operator = this.#takeComparison(); operator !== undefined; operator = this.#takeComparison()) {
      rest.push({ operator, operand: this.#parseBinary(0) });
    }
    return rest.length === 0 ? first : { kind: 'comparison', first, rest };
  }

  #takeComparison(): ComparisonOperator | undefined {
    const token = this.#peek();
    if (token.kind === 'operator' && COMPARISONS.has(token.text)) {
      this.#index++;
      return token.text as ComparisonOperator;
    }
    if (this.#takeWord('in')) return 'in';
    if (this.#isWord('not') && this.#isWord('in', 1)) {
      this.#index += 2;
      return 'not in';
    }
    if (!this.#takeWord('is')) return undefined;
    return this.#takeWord('not') ? 'is not' : 'is';
  }

  #parseBinary(level: number): Expression {
    const operators = BINARY_LEVELS[level];
    if (operators === undefined) return this.#parseUnary();
    let left = this.#parseBinary(level + 1);
    while (true) {
      const token = this.#peek();
      if (token.kind !== 'operator' || !operators.has(token.text)) return left;
      this.#index++;
      left = { kind: 'binary', operator: token.text as BinaryOperator, left, right: this.#parseBinary(level + 1) };
    }
  }

  #parseUnary(): Expression {
    const token = this.#peek();
    if (token.kind === 'operator' && (token.text === '-' || token.text === '+' || token.text === '~')) {
      this.#index++;
      return { kind: 'unary', operator: token.text, operand: this.#nested(() => this.#parseUnary()) };
    }
    const base: Expression = this.#takeWord('await')
      ? { kind: 'await', value: this.#parsePostfix() }
      : this.#parsePostfix();
    if (!this.#takeOperator('**')) return base;
    return { kind: 'binary', operator: '**', left: base, right: this.#nested(() => this.#parseUnary()) };
  }

  #parsePostfix(): Expression {
    let value = this.#parseAtom();
    while (true) {
      if (this.#takeOperator('.')) {
        const name = this.#peek();
        if (name.kind !== 'name' || KEYWORDS.has(name.text)) this.#fail();
        this.#index++;
        value = { kind: 'attribute', value, attribute: name.text };
      } else if (this.#takeOperator('(')) {
        value = this.#bracketed(() => this.#parseCall(value));
      } else if (this.#takeOperator('[')) {
        value = this.#bracketed(() => this.#parseSubscript(value));
      } else {
        return value;
      }
    }
  }

  #parseCall(callee: Expression): Expression {
    const positional: Expression[] = [];
    const keywords: { name: string | null; value: Expression }[] = [];
    while (!this.#takeOperator(')')) {
      if (this.#takeOperator('**')) {
        keywords.push({ name: null, value: this.#parseExpression() });
      } else if (this.#peek().kind === 'name' && this.#isOperator('=', 1)) {
        keywords.push(this.#parseKeyword());
      } else {
        this.#parsePositional(positional, keywords);
      }
      if (this.#takeOperator(',')) continue;
      this.#expectOperator(')');
      break;
    }
    return { kind: 'call', callee, positional, keywords };
  }

  #parseKeyword(): { name: string; value: Expression } {
    const name = this.#peek().text;
    if (name === 'True' || name === 'False' || name === 'None') {
      throw new PythonSyntaxError(`cannot assign to ${name}`);
    }
    if (KEYWORDS.has(name)) this.#fail();
    this.#index += 2;
    return { name, value: this.#parseExpression() };
  }

  #parsePositional(positional: Expression[], keywords: readonly { name: string | null }[]): void {
    if (this.#takeOperator('*')) {
      positional.push({ kind: 'starred', value: this.#parseExpression() });
      return;
    }
    const value = this.#parseNamedOrExpression();
    if (this.#isComprehension()) {
      positional.push({ kind: 'comprehension', shape: 'generator', element: value, clauses: this.#parseClauses() });
      if (positional.length + keywords.length > 1 || this.#isOperator(',')) {
        throw new PythonSyntaxError('Generator expression must be parenthesized');
      }
      return;
    }
    if (keywords.length > 0 && (this.#isOperator(',') || this.#isOperator(')'))) {
      const isUnpacking = keywords.some((keyword) => keyword.name === null);
      throw new PythonSyntaxError(`positional argument follows keyword argument${isUnpacking ? ' unpacking' : ''}`);
    }
    if (this.#isOperator('=')) {
      throw new PythonSyntaxError('expression cannot contain assignment, perhaps you meant "=="?');
    }
    positional.push(value);
  }

  #parseSubscript(value: Expression): Expression {
    const first = this.#parseSlice();
    if (this.#takeOperator(']')) return { kind: 'subscript', value, index: first };
    const items = [first];
    while (this.#takeOperator(',')) {
      if (this.#isOperator(']')) break;
      items.push(this.#parseSlice());
    }
    this.#expectOperator(']');
    return { kind: 'subscript', value, index: { kind: 'tuple', items } };
  }

  #parseSlice(): Expression {
    const isBound = () => !this.#isOperator(':') && !this.#isOperator(']') && !this.#isOperator(',');
    const lower = isBound() ? this.#parseStarredOrExpression() : null;
    if (!this.#takeOperator(':')) {
      if (lower === null) this.#fail();
      return lower;
    }
    const upper = isBound() ? this.#parseExpression() : null;
    const step = this.#takeOperator(':') && isBound() ? this.#parseExpression() : null;
    return { kind: 'slice', lower, upper, step };
  }

  #parseAtom(): Expression {
    const token = this.#peek();
    switch (token.kind) {
      case 'number':
        this.#index++;
        return { kind: 'constant', value: parseNumber(token.text) };
      case 'string':
        return this.#parseStrings();
      case 'name':
        return this.#parseName(token.text);
      case 'operator':
        return this.#parseBracket(token.text);
      case 'end':
        return this.#fail();
    }
  }

  #parseName(text: string): Expression {
    if (text === 'None') return this.#constant(null);
    if (text === 'True') return this.#constant(true);
    if (text === 'False') return this.#constant(false);
    if (KEYWORDS.has(text)) this.#fail();
    this.#index++;
    return { kind: 'name', id: text };
  }

  #constant(value: null | boolean): Expression {
    this.#index++;
    return { kind: 'constant', value };
  }

  #parseBracket(text: string): Expression {
    if (text === '.' && this.#isOperator('.', 1) && this.#isOperator('.', 2)) {
      this.#index += 3;
      return { kind: 'constant', value: pyEllipsis };
    }
    if (text !== '(' && text !== '[' && text !== '{') this.#fail();
    this.#index++;
    return this.#bracketed(() => {
      if (text === '(') return this.#parseParentheses();
      return text === '[' ? this.#parseList() : this.#parseBraces();
    });
  }

  #parseParentheses(): Expression {
    if (this.#takeOperator(')')) return { kind: 'tuple', items: [] };
    const value = this.#isWord('yield') ? this.#parseYield() : this.#parseExpressionList(')');
    if (this.#isComprehension()) {
      const clauses = this.#parseClauses();
      this.#expectOperator(')');
      return { kind: 'comprehension', shape: 'generator', element: value, clauses };
    }
    this.#expectOperator(')');
    return value;
  }

  #parseList(): Expression {
    const items: Expression[] = [];
    while (!this.#takeOperator(']')) {
      items.push(this.#parseStarredOrExpression());
      if (items.length === 1 && this.#isComprehension()) {
        const clauses = this.#parseClauses();
        this.#expectOperator(']');
        return { kind: 'comprehension', shape: 'list', element: items[0] as Expression, clauses };
      }
      if (this.#takeOperator(',')) continue;
      this.#expectOperator(']');
      break;
    }
    return { kind: 'list', items };
  }

  #parseBraces(): Expression {
    if (this.#takeOperator('}')) return { kind: 'dict', entries: [] };
    if (this.#isOperator('**')) return this.#parseDict();
    const first = this.#parseStarredOrExpression();
    if (this.#isOperator(':') && first.kind !== 'starred') return this.#parseDict(first);
    if (this.#isComprehension()) {
      const clauses = this.#parseClauses();
      this.#expectOperator('}');
      return { kind: 'comprehension', shape: 'set', element: first, clauses };
    }
    const items = [first];
    while (this.#takeOperator(',')) {
      if (this.#isOperator('}')) break;
      items.push(this.#parseStarredOrExpression());
    }
    this.#expectOperator('}');
    return { kind: 'set', items };
  }

  #parseDict(firstKey?: Expression): Expression {
    const entries: DictEntry[] = [];
    let key = firstKey;
    while (!this.#takeOperator('}')) {
      if (key === undefined && this.#takeOperator('**')) {
        entries.push({ key: null, value: this.#parseBinary(0) });
      } else {
        key ??= this.#parseExpression();
        if (entries.length > 0 && (this.#isOperator(',') || this.#isOperator('}'))) {
          throw new PythonSyntaxError("':' expected after dictionary key");
        }
        this.#expectOperator(':');
        if (this.#isOperator(',') || this.#isOperator('}')) {
          throw new PythonSyntaxError("expression expected after dictionary key and ':'");
        }
        const value = this.#parseExpression();
        if (entries.length === 0 && this.#isComprehension()) {
          const clauses = this.#parseClauses();
          this.#expectOperator('}');
          return { kind: 'comprehension', shape: 'dict', element: key, value, clauses };
        }
        entries.push({ key, value });
        key = undefined;
      }
      if (this.#takeOperator(',')) continue;
      this.#expectOperator('}');
      break;
    }
    return { kind: 'dict', entries };
  }

  #isComprehension(): boolean {
    return this.#isWord('for') || (this.#isWord('async') && this.#isWord('for', 1));
  }

  #parseClauses(): ComprehensionClause[] {
    const clauses: ComprehensionClause[] = [];
    while (this.#isComprehension()) {
      const isAsync = this.#takeWord('async');
      this.#index++;
      const target = this.#parseTarget();
      if (!this.#takeWord('in')) this.#fail();
      const iterable = this.#parseOr();
      const conditions: Expression[] = [];
      while (this.#takeWord('if')) conditions.push(this.#parseOr());
      clauses.push(isAsync ? { target, iterable, conditions, isAsync } : { target, iterable, conditions });
    }
    return clauses;
  }

  /** Names and tuples of names only: attributes and subscripts as loop targets would write into live objects. */
  #parseTarget(): Expression {
    const parseOne = (): Expression => {
      const token = this.#peek();
      if (token.kind !== 'name' || KEYWORDS.has(token.text)) return this.#fail();
      this.#index++;
      return { kind: 'name', id: token.text };
    };
    const isParenthesised = this.#takeOperator('(');
    const items = [parseOne()];
    while (this.#takeOperator(',')) {
      if (this.#isWord('in') || this.#isOperator(')')) break;
      items.push(parseOne());
    }
    if (isParenthesised) this.#expectOperator(')');
    return items.length === 1 ? (items[0] as Expression) : { kind: 'tuple', items };
  }

  /** Adjacent string literals join into one. */
  #parseStrings(): Expression {
    const parts: FormattedPart[] = [];
    let bytes: boolean | undefined;
    let isFormatted = false;
    const first = this.#peek();
    for (let token = this.#peek(); token.kind === 'string'; token = this.#peek()) {
      this.#index++;
      const isBytes = token.prefix.includes('b');
      if (bytes !== undefined && bytes !== isBytes) {
        throw new PythonSyntaxError('cannot mix bytes and nonbytes literals');
      }
      bytes = isBytes;
      if (token.prefix.includes('f')) {
        isFormatted = true;
        this.#parseFormatted(token.text, token.prefix, parts);
      } else {
        parts.push(parseStringBody(token.text, token.prefix));
      }
    }
    if (isFormatted) return { kind: 'formatted', parts };
    const text = parts.join('');
    if (bytes) return { kind: 'constant', value: new PyBytes(text) };
    const isPrefixedU = first.kind === 'string' && first.prefix === 'u';
    return isPrefixedU ? { kind: 'constant', value: text, isPrefixedU } : { kind: 'constant', value: text };
  }

  /** Adds the parts of an f-string. */
  #parseFormatted(body: string, prefix: string, parts: FormattedPart[]): void {
    parts.push(...this.#formattedParts(body, prefix, 0));
  }

  #formattedParts(body: string, prefix: string, depth: number): FormattedPart[] {
    if (depth > 1) throw new PythonSyntaxError('f-string: expressions nested too deeply');
    return splitFormatted(body, depth > 0).flatMap((piece): FormattedPart[] => {
      if (typeof piece === 'string') return [parseStringBody(piece, prefix)];
      const value = this.#nested(() => new Parser(tokenize(`(${piece.expression})`)).parseInput());
      const specification =
        piece.specification === undefined ? [] : this.#formattedParts(piece.specification, prefix, depth + 1);
      const conversion =
        piece.isShown && piece.conversion === '' && specification.length === 0 ? 'r' : piece.conversion;
      const part = { value, conversion, specification };
      return piece.isShown ? [`${piece.expression}=${piece.gap}`, part] : [part];
    });
  }
}
