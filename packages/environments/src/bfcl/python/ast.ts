import type { BinaryOperator, ComparisonOperator, UnaryOperator } from './operators.js';
import type { PyValue } from './value.js';

/** A Python expression, as `ast.parse(text, mode="eval")` has it. */
export type Expression =
  | {
      readonly kind: 'constant';
      readonly value: PyValue;
      /** Spelled with the prefix `u`, which shows when written back. */
      readonly isPrefixedU?: true;
    }
  | { readonly kind: 'named'; readonly target: string; readonly value: Expression }
  | { readonly kind: 'formatted'; readonly parts: readonly FormattedPart[] }
  | { readonly kind: 'name'; readonly id: string }
  | { readonly kind: 'attribute'; readonly value: Expression; readonly attribute: string }
  | { readonly kind: 'subscript'; readonly value: Expression; readonly index: Expression }
  | {
      readonly kind: 'slice';
      readonly lower: Expression | null;
      readonly upper: Expression | null;
      readonly step: Expression | null;
    }
  | CallExpression
  | { readonly kind: 'list' | 'tuple' | 'set'; readonly items: readonly Expression[] }
  | { readonly kind: 'dict'; readonly entries: readonly DictEntry[] }
  | { readonly kind: 'unary'; readonly operator: UnaryOperator; readonly operand: Expression }
  | {
      readonly kind: 'binary';
      readonly operator: BinaryOperator;
      readonly left: Expression;
      readonly right: Expression;
    }
  | { readonly kind: 'boolean'; readonly operator: 'and' | 'or'; readonly operands: readonly Expression[] }
  | {
      readonly kind: 'comparison';
      readonly first: Expression;
      readonly rest: readonly { readonly operator: ComparisonOperator; readonly operand: Expression }[];
    }
  | {
      readonly kind: 'conditional';
      readonly test: Expression;
      readonly body: Expression;
      readonly otherwise: Expression;
    }
  | { readonly kind: 'starred'; readonly value: Expression }
  | LambdaExpression
  /** `await value`, `yield value`, `yield from value`: parsed, and refused by the compiler. */
  | { readonly kind: 'await' | 'yield' | 'yield from'; readonly value: Expression | null }
  | {
      readonly kind: 'comprehension';
      readonly shape: 'list' | 'set' | 'dict' | 'generator';
      readonly element: Expression;
      /** Value of a dict comprehension, whose `element` is the key. */
      readonly value?: Expression;
      readonly clauses: readonly ComprehensionClause[];
    };

export interface CallExpression {
  readonly kind: 'call';
  readonly callee: Expression;
  readonly positional: readonly Expression[];
  /** `name` is null for `**mapping`. */
  readonly keywords: readonly { readonly name: string | null; readonly value: Expression }[];
}

export interface LambdaExpression {
  readonly kind: 'lambda';
  readonly parameters: readonly LambdaParameter[];
  readonly body: Expression;
}

export interface LambdaParameter {
  readonly name: string;
  /** `star` is `*name`, `double star` is `**name`. */
  readonly kind: 'positional only' | 'plain' | 'star' | 'keyword only' | 'double star';
  readonly default?: Expression;
}

/** `key` is null for `**mapping`. */
export interface DictEntry {
  readonly key: Expression | null;
  readonly value: Expression;
}

export interface ComprehensionClause {
  readonly target: Expression;
  readonly iterable: Expression;
  readonly conditions: readonly Expression[];
  readonly isAsync?: true;
}

export type FormattedPart =
  | string
  | {
      readonly value: Expression;
      readonly conversion: '' | 's' | 'r' | 'a';
      /** What follows the colon; empty where there is none. */
      readonly specification: readonly FormattedPart[];
    };
