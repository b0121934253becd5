import type { Expression, FormattedPart, LambdaParameter } from './ast.js';
import type { BinaryOperator } from './operators.js';
import { pyRepr } from './render.js';
import { pyEllipsis } from './value.js';

/** Binding strengths of `ast.unparse` in Python 3.11. */
const Level = {
  tuple: 1,
  test: 3,
  or: 4,
  and: 5,
  not: 6,
  comparison: 7,
  bitOr: 8,
  bitXor: 9,
  bitAnd: 10,
  shift: 11,
  arithmetic: 12,
  term: 13,
  factor: 14,
  power: 15,
  await: 16,
  atom: 17,
} as const;

const BINARY_LEVELS: { readonly [operator in BinaryOperator]: number } = {
  '|': Level.bitOr,
  '^': Level.bitXor,
  '&': Level.bitAnd,
  '<<': Level.shift,
  '>>': Level.shift,
  '+': Level.arithmetic,
  '-': Level.arithmetic,
  '*': Level.term,
  '/': Level.term,
  '//': Level.term,
  '%': Level.term,
  '@': Level.term,
  '**': Level.power,
};

/** Python source of an expression, as `ast.unparse` writes it. */
export function unparse(expression: Expression): string {
  return write(expression, Level.test);
}

/** @param level - what the surroundings bind with; weaker expressions get parentheses. */
function write(expression: Expression, level: number): string {
  const parenthesised = (own: number, text: string) => (level > own ? `(${text})` : text);
  switch (expression.kind) {
    case 'constant':
      return constantText(expression);
    case 'name':
      return expression.id;
    case 'named':
      return `(${expression.target} := ${write(expression.value, Level.atom)})`;
    case 'attribute':
      return attributeText(expression);
    case 'call':
      return callText(expression);
    case 'subscript':
      return `${write(expression.value, Level.atom)}[${indexText(expression.index)}]`;
    case 'slice': {
      const { lower, upper, step } = expression;
      const bound = (part: Expression | null) => (part === null ? '' : write(part, Level.test));
      return `${bound(lower)}:${bound(upper)}${step === null ? '' : `:${bound(step)}`}`;
    }
    case 'tuple':
      return `(${itemsText(expression.items)})`;
    case 'list':
      return `[${list(expression.items)}]`;
    case 'set':
      return `{${list(expression.items)}}`;
    case 'dict':
      return `{${expression.entries
        .map(({ key, value }) =>
          key === null ? `**${write(value, Level.bitOr)}` : `${write(key, Level.test)}: ${write(value, Level.test)}`,
        )
        .join(', ')}}`;
    case 'unary': {
      const own = expression.operator === 'not' ? Level.not : Level.factor;
      const prefix = expression.operator === 'not' ? 'not ' : expression.operator;
      return parenthesised(own, `${prefix}${write(expression.operand, own)}`);
    }
    case 'binary': {
      const own = BINARY_LEVELS[expression.operator];
      const isRightAssociative = expression.operator === '**';
      const left = write(expression.left, isRightAssociative ? own + 1 : own);
      const right = write(expression.right, isRightAssociative ? own : own + 1);
      return parenthesised(own, `${left} ${expression.operator} ${right}`);
    }
    case 'boolean': {
      const own = expression.operator === 'or' ? Level.or : Level.and;
      // CPython raises the level once per operand.
      const operands = expression.operands.map((operand, index) =>
        write(operand, Math.min(own + index + 1, Level.atom)),
      );
      return parenthesised(own, operands.join(` ${expression.operator} `));
    }
    case 'comparison': {
      const rest = expression.rest.map(
        ({ operator, operand }) => ` ${operator} ${write(operand, Level.comparison + 1)}`,
      );
      return parenthesised(Level.comparison, write(expression.first, Level.comparison + 1) + rest.join(''));
    }
    case 'conditional': {
      const body = write(expression.body, Level.test + 1);
      const test = write(expression.test, Level.test + 1);
      return parenthesised(Level.test, `${body} if ${test} else ${write(expression.otherwise, Level.test)}`);
    }
    case 'starred':
      return `*${write(expression.value, Level.bitOr)}`;
    case 'await':
      return parenthesised(Level.await, `await ${write(expression.value as Expression, Level.atom)}`);
    case 'yield':
      return expression.value === null ? '(yield)' : `(yield ${write(expression.value, Level.atom)})`;
    case 'yield from':
      return `(yield from ${write(expression.value as Expression, Level.atom)})`;
    case 'lambda': {
      const parameters = parametersText(expression.parameters);
      const head = parameters === '' ? 'lambda' : `lambda ${parameters}`;
      return parenthesised(Level.test, `${head}: ${write(expression.body, Level.test)}`);
    }
    case 'comprehension':
      return comprehensionText(expression);
    case 'formatted':
      return `f${pyRepr(expression.parts.map(formattedPartText).join(''))}`;
  }
}

function constantText({ value, isPrefixedU }: Extract<Expression, { kind: 'constant' }>): string {
  if (isPrefixedU) return `u${pyRepr(value)}`;
  if (value === pyEllipsis) return '...';
  return typeof value === 'number' ? pyRepr(value).replace('inf', '1e309') : pyRepr(value);
}

function attributeText({ value, attribute }: Extract<Expression, { kind: 'attribute' }>): string {
  const isInt = value.kind === 'constant' && typeof value.value === 'bigint';
  return `${write(value, Level.atom)}${isInt ? ' ' : ''}.${attribute}`;
}

function callText({ callee, positional, keywords }: Extract<Expression, { kind: 'call' }>): string {
  const args = [
    ...positional.map((item) => write(item, Level.test)),
    ...keywords.map(({ name, value }) => (name === null ? '**' : `${name}=`) + write(value, Level.test)),
  ];
  return `${write(callee, Level.atom)}(${args.join(', ')})`;
}

function parametersText(parameters: readonly LambdaParameter[]): string {
  const texts: string[] = [];
  for (const [index, { name, kind, default: value }] of parameters.entries()) {
    const previous = parameters[index - 1]?.kind;
    if (kind === 'keyword only' && previous !== 'keyword only' && previous !== 'star') texts.push('*');
    const stars = { star: '*', 'double star': '**', plain: '', 'positional only': '', 'keyword only': '' }[kind];
    texts.push(`${stars}${name}${value === undefined ? '' : `=${write(value, Level.test)}`}`);
    if (kind === 'positional only' && parameters[index + 1]?.kind !== 'positional only') texts.push('/');
  }
  return texts.join(', ');
}

function indexText(index: Expression): string {
  return index.kind === 'tuple' && index.items.length > 0 ? itemsText(index.items) : write(index, Level.test);
}

function list(items: readonly Expression[]): string {
  return items.map((item) => write(item, Level.test)).join(', ');
}

function itemsText(items: readonly Expression[]): string {
  return items.length === 1 ? `${list(items)},` : list(items);
}

function comprehensionText(expression: Extract<Expression, { kind: 'comprehension' }>): string {
  const element =
    expression.value === undefined
      ? write(expression.element, Level.test)
      : `${write(expression.element, Level.test)}: ${write(expression.value, Level.test)}`;
  const clauses = expression.clauses.map(({ target, iterable, conditions, isAsync }) => {
    const tests = conditions.map((condition) => ` if ${write(condition, Level.test + 1)}`);
    return `${isAsync ? ' async' : ''} for ${write(target, Level.tuple)} in ${write(iterable, Level.test + 1)}${tests.join('')}`;
  });
  const [open, close] = { list: '[]', set: '{}', dict: '{}', generator: '()' }[expression.shape];
  return `${open}${element}${clauses.join('')}${close}`;
}

function formattedPartText(part: FormattedPart): string {
  if (typeof part === 'string') return part.replaceAll('{', '{{').replaceAll('}', '}}');
  const conversion = part.conversion === '' ? '' : `!${part.conversion}`;
  const specification = part.specification.map(formattedPartText).join('');
  return `{${write(part.value, Level.test + 1)}${conversion}${specification === '' ? '' : `:${specification}`}}`;
}
