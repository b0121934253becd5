/** `at`: offset in the normalised template, in UTF-16 units. */
interface Place {
  readonly at: number;
}

export interface CallArguments {
  readonly args: readonly Expression[];
  readonly kwargs: readonly (readonly [string, Expression])[];
  readonly dynamicArgs: Expression | undefined;
  readonly dynamicKwargs: Expression | undefined;
}

export type BinaryOperator = '+' | '-' | '*' | '/' | '//' | '%' | '**';
export type CompareOperator = '==' | '!=' | '<' | '<=' | '>' | '>=' | 'in' | 'not in';

export type Expression = Place &
  (
    | { readonly kind: 'const'; readonly value: null | boolean | bigint | number | string }
    | { readonly kind: 'name'; readonly name: string }
    | { readonly kind: 'tuple'; readonly items: readonly Expression[] }
    | { readonly kind: 'list'; readonly items: readonly Expression[] }
    | { readonly kind: 'dict'; readonly entries: readonly (readonly [Expression, Expression])[] }
    | { readonly kind: 'concat'; readonly items: readonly Expression[] }
    | { readonly kind: 'attribute'; readonly object: Expression; readonly name: string }
    | { readonly kind: 'item'; readonly object: Expression; readonly key: Expression }
    | {
        readonly kind: 'slice';
        readonly object: Expression;
        readonly start: Expression | undefined;
        readonly stop: Expression | undefined;
        readonly step: Expression | undefined;
      }
    | { readonly kind: 'call'; readonly callee: Expression; readonly arguments: CallArguments }
    | {
        readonly kind: 'filter';
        /** Absent in a filter block: the body's text. */
        readonly operand: Expression | undefined;
        readonly name: string;
        readonly arguments: CallArguments;
      }
    | { readonly kind: 'test'; readonly operand: Expression; readonly name: string; readonly arguments: CallArguments }
    | { readonly kind: 'not'; readonly operand: Expression }
    | { readonly kind: 'sign'; readonly operator: '+' | '-'; readonly operand: Expression }
    | {
        readonly kind: 'binary';
        readonly operator: BinaryOperator;
        readonly left: Expression;
        readonly right: Expression;
      }
    | { readonly kind: 'logic'; readonly operator: 'and' | 'or'; readonly left: Expression; readonly right: Expression }
    | {
        readonly kind: 'compare';
        readonly first: Expression;
        readonly rest: readonly (readonly [CompareOperator, Expression])[];
      }
    | {
        readonly kind: 'condition';
        readonly test: Expression;
        readonly whenTrue: Expression;
        readonly whenFalse: Expression | undefined;
      }
  );

/** What may stand left of `=` or between `for` and `in`. */
export type Target = Place &
  (
    | { readonly kind: 'name'; readonly name: string }
    | { readonly kind: 'namespace'; readonly name: string; readonly attribute: string }
    | { readonly kind: 'targets'; readonly items: readonly Target[] }
  );

export interface Signature {
  readonly parameters: readonly { readonly name: string; readonly fallback: Expression | undefined }[];
}

export type Statement = Place &
  (
    | { readonly kind: 'text'; readonly text: string }
    | { readonly kind: 'output'; readonly expression: Expression }
    | {
        readonly kind: 'if';
        readonly branches: readonly { readonly test: Expression; readonly body: readonly Statement[] }[];
        readonly otherwise: readonly Statement[];
      }
    | {
        readonly kind: 'for';
        readonly target: Target;
        readonly iterable: Expression;
        readonly test: Expression | undefined;
        readonly isRecursive: boolean;
        readonly body: readonly Statement[];
        readonly otherwise: readonly Statement[];
      }
    | { readonly kind: 'set'; readonly target: Target; readonly value: Expression }
    | {
        readonly kind: 'set-block';
        readonly target: Target;
        readonly filter: Expression | undefined;
        readonly body: readonly Statement[];
      }
    | {
        readonly kind: 'macro';
        readonly name: string;
        readonly signature: Signature;
        readonly body: readonly Statement[];
        /** Whether the body reads `varargs`, `kwargs`, `caller`: only then surplus arguments are welcome. */
        readonly reads: ReadonlySet<string>;
      }
    | {
        readonly kind: 'call-block';
        readonly call: Expression;
        readonly signature: Signature;
        readonly body: readonly Statement[];
      }
    | { readonly kind: 'filter-block'; readonly filter: Expression; readonly body: readonly Statement[] }
    | {
        readonly kind: 'with';
        readonly targets: readonly (readonly [Target, Expression])[];
        readonly body: readonly Statement[];
      }
    | { readonly kind: 'generation'; readonly body: readonly Statement[] }
    | { readonly kind: 'break' }
    | { readonly kind: 'continue' }
  );
