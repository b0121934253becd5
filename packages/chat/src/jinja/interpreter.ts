import type { CallArguments, Expression, Signature, Statement, Target } from './ast.js';
import { FILTERS, type FilterRuntime, Group, UNSUPPORTED_FILTERS } from './filters.js';
import { globalFunctions, Namespace } from './globals.js';
import { JinjaFailure } from './jinja-error.js';
import { LoopContext } from './loop-context.js';
import { arithmetic, compare, isTrue, itemOf, iterate, negate, slice } from './operations.js';
import { toText } from './python-text.js';
import { STRING_METHODS, UNSUPPORTED_STRING_METHODS } from './string-methods.js';
import { TESTS, type TestRuntime } from './tests.js';
import {
  Dict,
  type KeywordArguments,
  Native,
  NativeFunction,
  Tuple,
  typeName,
  Undefined,
  type Value,
  View,
} from './value.js';
import { type JinjaLimits, Work } from './work.js';

export interface Rendering {
  readonly text: string;
  /** What `{% generation %}` blocks wrote: [start, end) in UTF-16 units of `text`. */
  readonly generationSpans: readonly (readonly [number, number])[];
}

export interface RenderSettings {
  readonly limits: JinjaLimits;
  readonly now: () => Date;
  readonly plain: (text: string) => string;
}

/** Runs a parsed template. @throws {JinjaFailure} */
export function run(
  program: readonly Statement[],
  variables: ReadonlyMap<string, Value>,
  settings: RenderSettings,
): Rendering {
  return new Interpreter(variables, settings).render(program);
}

/** Names of a block and those around it. */
class Scope {
  readonly #names: Map<string, Value>;

  constructor(
    readonly parent: Scope | undefined,
    names: Map<string, Value> = new Map(),
  ) {
    this.#names = names;
  }

  get(name: string): Value | undefined {
    const value = this.#names.get(name);
    return value === undefined ? this.parent?.get(name) : value;
  }

  set(name: string, value: Value): void {
    this.#names.set(name, value);
  }
}

/** Collects what a block writes. */
class Output {
  readonly #parts: string[] = [];
  length = 0;

  constructor(private readonly maxLength: number) {}

  write(text: string): void {
    this.length += text.length;
    if (this.length > this.maxLength) {
      throw new JinjaFailure('limit', `expected a result of at most ${this.maxLength} characters`);
    }
    this.#parts.push(text);
  }

  get text(): string {
    return this.#parts.join('');
  }
}

type Signal = 'next' | 'break' | 'continue';

const NO_ARGUMENTS: readonly Value[] = [];
const NO_KEYWORDS: KeywordArguments = new Map();
const DICT_METHODS: ReadonlySet<string> = new Set(['get', 'items', 'keys', 'values', 'copy']);
const LIST_METHODS: ReadonlySet<string> = new Set(['count', 'index', 'copy']);
const MUTATORS: ReadonlySet<string> = new Set([
  'append',
  'clear',
  'extend',
  'insert',
  'pop',
  'popitem',
  'remove',
  'reverse',
  'setdefault',
  'sort',
  'update',
]);

class Macro extends Native {
  readonly typeName = 'Macro';

  constructor(
    readonly name: string,
    private readonly parameters: readonly string[],
    override readonly call: (args: readonly Value[], kwargs: KeywordArguments) => Value,
  ) {
    super();
  }

  override get text(): string {
    return `<Macro '${this.name}'>`;
  }

  override attribute(name: string): Value | undefined {
    if (name === 'name') return this.name;
    return name === 'arguments' ? new Tuple(this.parameters) : undefined;
  }
}

class Interpreter {
  readonly #work: Work;
  readonly #root: Output;
  readonly #globals: Scope;
  readonly #spans: [number, number][] = [];
  readonly #runtime: FilterRuntime & TestRuntime;
  /** Where the template is being evaluated, for errors. */
  #at = 0;

  constructor(variables: ReadonlyMap<string, Value>, settings: RenderSettings) {
    this.#work = new Work(settings.limits);
    this.#root = new Output(settings.limits.maxOutput);
    this.#runtime = {
      work: this.#work,
      plain: settings.plain,
      access: (object, name, isItem) =>
        isItem
          ? this.#itemOrAttribute(object, /^\d+$/.test(name) ? BigInt(name) : name)
          : this.#attribute(object, name),
      itemOrAttribute: (object, key) => this.#itemOrAttribute(object, key),
      attributeOf: (object, name) => known(this.#methodOrAttribute(object, name), object, name),
      applyFilter: (name, operand, args, kwargs) => this.#applyFilter(name, operand, args, kwargs),
      applyTest: (name, operand, args, kwargs) => this.#applyTest(name, operand, args, kwargs),
      hasFilter: (name) => FILTERS.has(name),
      hasTest: (name) => TESTS.has(name),
    };
    const globals = new Scope(undefined, globalFunctions(this.#runtime, settings.now));
    this.#globals = new Scope(globals, new Map(variables));
  }

  render(program: readonly Statement[]): Rendering {
    try {
      this.#runBody(program, new Scope(this.#globals), this.#root);
    } catch (error) {
      if (error instanceof JinjaFailure && error.at === undefined) {
        throw new JinjaFailure(error.kind, error.message, this.#at);
      }
      if (error instanceof RangeError) {
        throw new JinjaFailure('limit', `expected less nesting or shorter texts: ${error.message}`, this.#at);
      }
      throw error;
    }
    return { text: this.#root.text, generationSpans: this.#spans };
  }

  #runBody(body: readonly Statement[], scope: Scope, output: Output): Signal {
    for (const statement of body) {
      const signal = this.#runStatement(statement, scope, output);
      if (signal !== 'next') return signal;
    }
    return 'next';
  }

  #runStatement(statement: Statement, scope: Scope, output: Output): Signal {
    this.#work.spend(1);
    this.#at = statement.at;
    switch (statement.kind) {
      case 'text':
        output.write(statement.text);
        return 'next';
      case 'output': {
        const value = this.#evaluate(statement.expression, scope);
        this.#at = statement.at;
        output.write(toText(value, this.#work));
        return 'next';
      }
      case 'if':
        for (const { test, body } of statement.branches) {
          if (this.#isTrue(test, scope)) return this.#runBody(body, scope, output);
        }
        return this.#runBody(statement.otherwise, scope, output);
      case 'for':
        this.#runFor(statement, scope, output);
        return 'next';
      case 'set':
        this.#assign(statement.target, this.#evaluate(statement.value, scope), scope);
        return 'next';
      case 'set-block': {
        const text = this.#capture(statement.body, new Scope(scope));
        const value = statement.filter === undefined ? text : this.#applyChain(statement.filter, text, scope);
        this.#assign(statement.target, value, scope);
        return 'next';
      }
      case 'macro':
        scope.set(statement.name, this.#makeMacro(statement.name, statement, scope, statement.reads));
        return 'next';
      case 'call-block': {
        const caller = this.#makeMacro('caller', statement, scope, new Set());
        const call = statement.call as Expression & { kind: 'call' };
        const value = this.#call(call, scope, new Map([['caller', caller]]));
        output.write(toText(value, this.#work));
        return 'next';
      }
      case 'filter-block': {
        const text = this.#capture(statement.body, new Scope(scope));
        output.write(toText(this.#applyChain(statement.filter, text, scope), this.#work));
        return 'next';
      }
      case 'with': {
        const inner = new Scope(scope);
        for (const [target, value] of statement.targets) this.#assign(target, this.#evaluate(value, scope), inner);
        return this.#runBody(statement.body, inner, output);
      }
      case 'generation': {
        const text = this.#capture(statement.body, new Scope(scope));
        // As transformers: where the block's text will stand if it is written next at the top level.
        this.#spans.push([this.#root.length, this.#root.length + text.length]);
        output.write(text);
        return 'next';
      }
      case 'break':
      case 'continue':
        return statement.kind;
    }
  }

  #runFor(statement: Statement & { kind: 'for' }, scope: Scope, output: Output): void {
    const iterable = this.#evaluate(statement.iterable, scope);
    this.#at = statement.at;
    this.#runLoop(statement, iterable, 0, scope, output);
  }

  #runLoop(statement: Statement & { kind: 'for' }, iterable: Value, depth: number, scope: Scope, output: Output): void {
    const { target, test, body } = statement;
    let items = iterate(iterable, this.#runtime);
    if (test !== undefined) {
      items = items.filter((item) => {
        const inner = new Scope(scope);
        this.#assign(target, item, inner);
        return this.#isTrue(test, inner);
      });
    }
    const recurse = statement.isRecursive
      ? (inner: Value, innerDepth: number): string =>
          this.#work.deeper(() => {
            const captured = new Output(this.#work.limits.maxOutput);
            this.#runLoop(statement, inner, innerDepth, scope, captured);
            return captured.text;
          })
      : undefined;
    const loop = new LoopContext(items, depth, recurse, this.#runtime);
    for (const [i, item] of items.entries()) {
      this.#work.spend(1);
      loop.index = i;
      const inner = new Scope(scope);
      this.#assign(target, item, inner);
      inner.set('loop', loop);
      if (this.#runBody(body, inner, output) === 'break') break;
    }
    if (items.length === 0) this.#runBody(statement.otherwise, new Scope(scope), output);
  }

  /** What a body writes, when it is not written at once. */
  #capture(body: readonly Statement[], scope: Scope): string {
    const output = new Output(this.#work.limits.maxOutput);
    const signal = this.#runBody(body, scope, output);
    if (signal !== 'next') throw new JinjaFailure('syntax', `expected {% ${signal} %} inside the block of its loop`);
    return output.text;
  }

  #assign(target: Target, value: Value, scope: Scope): void {
    switch (target.kind) {
      case 'name':
        scope.set(target.name, value);
        return;
      case 'namespace': {
        const namespace = scope.get(target.name);
        if (!(namespace instanceof Namespace)) {
          throw new JinjaFailure(
            'type',
            `expected ${target.name} to be a namespace, to set ${target.attribute} of it`,
            target.at,
          );
        }
        namespace.set(target.attribute, value);
        return;
      }
      case 'targets': {
        const items = iterate(value, this.#runtime);
        if (items.length !== target.items.length) {
          throw new JinjaFailure(
            'value',
            `expected ${target.items.length} values to unpack, received ${items.length}`,
            target.at,
          );
        }
        for (const [i, inner] of target.items.entries()) this.#assign(inner, items[i]!, scope);
      }
    }
  }

  #makeMacro(
    name: string,
    { signature, body }: { readonly signature: Signature; readonly body: readonly Statement[] },
    scope: Scope,
    reads: ReadonlySet<string>,
  ): Macro {
    const names = signature.parameters.map((parameter) => parameter.name);
    return new Macro(name, names, (args, kwargs) =>
      this.#work.deeper(() => {
        const inner = new Scope(scope);
        this.#bindParameters(name, signature, args, kwargs, inner, reads);
        return this.#capture(body, inner);
      }),
    );
  }

  #bindParameters(
    macro: string,
    { parameters }: Signature,
    args: readonly Value[],
    kwargs: KeywordArguments,
    scope: Scope,
    reads: ReadonlySet<string>,
  ): void {
    const surplus = new Map(kwargs);
    for (const [i, { name, fallback }] of parameters.entries()) {
      let value = args[i];
      if (value === undefined) {
        value = surplus.get(name);
        surplus.delete(name);
      }
      if (value === undefined) {
        value =
          fallback === undefined
            ? new Undefined(`expected the parameter ${name} of ${macro}, it was not passed`)
            : this.#evaluate(fallback, scope);
      }
      scope.set(name, value);
    }
    if (reads.has('caller') && !parameters.some(({ name }) => name === 'caller')) {
      scope.set(
        'caller',
        surplus.get('caller') ?? new Undefined('expected a caller, the macro was not called by a call block'),
      );
      surplus.delete('caller');
    }
    if (reads.has('kwargs')) scope.set('kwargs', new Dict(surplus));
    else if (surplus.size > 0) {
      throw new JinjaFailure('type', `expected known keywords of ${macro}, received ${[...surplus.keys()][0]}`);
    }
    if (reads.has('varargs')) scope.set('varargs', new Tuple(args.slice(parameters.length)));
    else if (args.length > parameters.length) {
      throw new JinjaFailure(
        'type',
        `expected at most ${parameters.length} arguments of ${macro}, received ${args.length}`,
      );
    }
  }

  #isTrue(expression: Expression, scope: Scope): boolean {
    return isTrue(this.#evaluate(expression, scope));
  }

  #evaluate(expression: Expression, scope: Scope): Value {
    this.#work.spend(1);
    switch (expression.kind) {
      case 'const':
        return expression.value;
      case 'name': {
        const value = scope.get(expression.name);
        return value === undefined ? new Undefined(`expected the variable ${expression.name}, it is undefined`) : value;
      }
      case 'tuple':
        return new Tuple(expression.items.map((item) => this.#evaluate(item, scope)));
      case 'list':
        return expression.items.map((item) => this.#evaluate(item, scope));
      case 'dict':
        return new Dict(
          expression.entries.map(([key, value]) => [this.#evaluate(key, scope), this.#evaluate(value, scope)] as const),
        );
      case 'concat': {
        const texts = expression.items.map((item) => toText(this.#evaluate(item, scope), this.#work));
        this.#work.text(texts.reduce((sum, text) => sum + text.length, 0));
        return texts.join('');
      }
      case 'attribute': {
        const object = this.#evaluate(expression.object, scope);
        this.#at = expression.at;
        return this.#attribute(object, expression.name);
      }
      case 'item': {
        const object = this.#evaluate(expression.object, scope);
        const key = this.#evaluate(expression.key, scope);
        this.#at = expression.at;
        return this.#itemOrAttribute(object, key);
      }
      case 'slice': {
        const object = this.#evaluate(expression.object, scope);
        const bounds = [expression.start, expression.stop, expression.step].map((bound) =>
          bound === undefined ? undefined : this.#evaluate(bound, scope),
        );
        this.#at = expression.at;
        if (object instanceof Undefined) throw object.failure();
        return slice(object, [bounds[0], bounds[1], bounds[2]], this.#runtime) ?? missing(object, 'slice');
      }
      case 'call':
        return this.#call(expression, scope, undefined);
      case 'filter': {
        const operand = this.#evaluate(expression.operand!, scope);
        const [args, kwargs] = this.#arguments(expression.arguments, scope);
        this.#at = expression.at;
        return this.#applyFilter(expression.name, operand, args, kwargs);
      }
      case 'test': {
        const operand = this.#evaluate(expression.operand, scope);
        const [args, kwargs] = this.#arguments(expression.arguments, scope);
        this.#at = expression.at;
        return this.#applyTest(expression.name, operand, args, kwargs);
      }
      case 'not':
        return !this.#isTrue(expression.operand, scope);
      case 'sign': {
        const operand = this.#evaluate(expression.operand, scope);
        this.#at = expression.at;
        return negate(expression.operator, operand);
      }
      case 'binary': {
        const left = this.#evaluate(expression.left, scope);
        const right = this.#evaluate(expression.right, scope);
        this.#at = expression.at;
        return arithmetic(expression.operator, left, right, this.#runtime);
      }
      case 'logic': {
        const left = this.#evaluate(expression.left, scope);
        if (isTrue(left) === (expression.operator === 'or')) return left;
        return this.#evaluate(expression.right, scope);
      }
      case 'compare': {
        let left = this.#evaluate(expression.first, scope);
        for (const [operator, operand] of expression.rest) {
          const right = this.#evaluate(operand, scope);
          this.#at = expression.at;
          if (!compare(operator, left, right, this.#runtime)) return false;
          left = right;
        }
        return true;
      }
      case 'condition':
        if (this.#isTrue(expression.test, scope)) return this.#evaluate(expression.whenTrue, scope);
        return expression.whenFalse === undefined
          ? new Undefined('expected an else for the condition, it was false')
          : this.#evaluate(expression.whenFalse, scope);
    }
  }

  #call(expression: Expression & { kind: 'call' }, scope: Scope, extra: KeywordArguments | undefined): Value {
    const callee = this.#evaluate(expression.callee, scope);
    const [args, keywords] = this.#arguments(expression.arguments, scope);
    this.#at = expression.at;
    if (callee instanceof Undefined) throw callee.failure();
    if (!(callee instanceof Native) || callee.call === undefined) {
      throw new JinjaFailure('type', `expected something that can be called, received ${typeName(callee)}`);
    }
    return callee.call(args, extra === undefined ? keywords : new Map([...keywords, ...extra]));
  }

  #arguments(call: CallArguments, scope: Scope): [readonly Value[], KeywordArguments] {
    const { args, kwargs, dynamicArgs, dynamicKwargs } = call;
    const positional = args.length === 0 ? NO_ARGUMENTS : args.map((argument) => this.#evaluate(argument, scope));
    const all =
      dynamicArgs === undefined
        ? positional
        : [...positional, ...iterate(this.#evaluate(dynamicArgs, scope), this.#runtime)];
    if (kwargs.length === 0 && dynamicKwargs === undefined) return [all, NO_KEYWORDS];
    const keywords = new Map<string, Value>();
    const add = (name: string, value: Value): void => {
      if (keywords.has(name)) throw new JinjaFailure('type', `expected each keyword once, received ${name} again`);
      keywords.set(name, value);
    };
    for (const [name, value] of kwargs) add(name, this.#evaluate(value, scope));
    if (dynamicKwargs !== undefined) {
      const value = this.#evaluate(dynamicKwargs, scope);
      if (!(value instanceof Dict))
        throw new JinjaFailure('type', `expected a dict behind **, received ${typeName(value)}`);
      for (const [name, entry] of value.entries()) {
        if (typeof name !== 'string') throw new JinjaFailure('type', 'expected string keys in the dict behind **');
        add(name, entry);
      }
    }
    return [all, keywords];
  }

  /** Filters of a block, the innermost one applied to the text. */
  #applyChain(filter: Expression, text: string, scope: Scope): Value {
    if (filter.kind !== 'filter') throw new JinjaFailure('syntax', 'expected a filter', filter.at);
    const operand = filter.operand === undefined ? text : this.#applyChain(filter.operand, text, scope);
    const [args, kwargs] = this.#arguments(filter.arguments, scope);
    this.#at = filter.at;
    return this.#applyFilter(filter.name, operand, args, kwargs);
  }

  #applyFilter(name: string, operand: Value, args: readonly Value[], kwargs: KeywordArguments): Value {
    const filter = FILTERS.get(name);
    if (filter !== undefined) return filter(operand, args, kwargs, this.#runtime);
    const isKnown = UNSUPPORTED_FILTERS.has(name);
    throw new JinjaFailure(
      isKnown ? 'unsupported' : 'syntax',
      isKnown
        ? `expected a filter that chat templates need, received ${name}`
        : `expected a known filter, received ${name}`,
    );
  }

  #applyTest(name: string, operand: Value, args: readonly Value[], kwargs: KeywordArguments): boolean {
    const test = TESTS.get(name);
    if (test === undefined) throw new JinjaFailure('syntax', `expected a known test, received ${name}`);
    return test(operand, args, kwargs, this.#runtime);
  }

  /** `object.name`: the attribute comes first, as in Jinja: `d.items` is the method even where there is such a key. */
  #attribute(object: Value, name: string): Value {
    if (object instanceof Undefined) throw object.failure();
    const attribute = this.#methodOrAttribute(object, name);
    return attribute === undefined ? known(itemOf(object, name), object, name) : attribute;
  }

  /** `object[key]`: the item comes first. */
  #itemOrAttribute(object: Value, key: Value): Value {
    if (object instanceof Undefined) throw object.failure();
    if (key instanceof Undefined && !(object instanceof Dict)) return missing(object, 'undefined');
    const item = itemOf(object, key);
    if (item !== undefined) return item;
    const attribute = typeof key === 'string' ? this.#methodOrAttribute(object, key) : undefined;
    return known(attribute, object, typeof key === 'string' ? key : toText(key, this.#work).slice(0, 80));
  }

  #methodOrAttribute(object: Value, name: string): Value | undefined {
    if (name.startsWith('__')) {
      return new Undefined(`expected a plain attribute, access to ${name} is unsafe`, 'security');
    }
    if (typeof object === 'string') return this.#stringMethod(object, name);
    if (object instanceof Dict) {
      if (DICT_METHODS.has(name)) return this.#dictMethod(object, name);
      return MUTATORS.has(name) && ['clear', 'pop', 'popitem', 'setdefault', 'update'].includes(name)
        ? unsafe('dict', name)
        : undefined;
    }
    if (Array.isArray(object) || object instanceof Tuple) {
      if (object instanceof Group && name === 'grouper') return object.items[0];
      if (object instanceof Group && name === 'list') return object.items[1];
      if (LIST_METHODS.has(name))
        return this.#listMethod(Array.isArray(object) ? object : (object as Tuple).items, name);
      return Array.isArray(object) && MUTATORS.has(name) ? unsafe('list', name) : undefined;
    }
    return object instanceof Native ? object.attribute(name) : undefined;
  }

  #stringMethod(text: string, name: string): Value | undefined {
    const method = STRING_METHODS.get(name);
    if (method !== undefined)
      return new NativeFunction(name, (args, kwargs) => method(text, args, kwargs, this.#runtime));
    if (!UNSUPPORTED_STRING_METHODS.has(name)) return undefined;
    return new NativeFunction(name, () => {
      throw new JinjaFailure('unsupported', `expected a method of str that chat templates need, received ${name}`);
    });
  }

  #dictMethod(dict: Dict, name: string): Value {
    return new NativeFunction(name, (args, kwargs) => {
      this.#work.spend(1 + dict.size);
      if (name === 'get') {
        if (args.length < 1 || args.length > 2 || kwargs.size > 0) {
          throw new JinjaFailure('type', `expected get(key, default), received ${args.length} arguments`);
        }
        const value = dict.get(args[0]!);
        return value === undefined ? (args[1] ?? null) : value;
      }
      if (args.length + kwargs.size > 0) throw new JinjaFailure('type', `expected no arguments of ${name}`);
      switch (name) {
        case 'items':
          return new View(
            'dict_items',
            Array.from(dict.entries(), (pair) => new Tuple(pair)),
          );
        case 'keys':
          return new View('dict_keys', dict.keys());
        case 'values':
          return new View('dict_values', dict.values());
        default:
          return new Dict(dict.entries());
      }
    });
  }

  #listMethod(items: readonly Value[], name: string): Value {
    return new NativeFunction(name, (args) => {
      if (name === 'copy') return [...items];
      const [wanted] = args;
      if (wanted === undefined) throw new JinjaFailure('type', `expected an argument of ${name}`);
      const isEqual = (item: Value): boolean => compare('==', item, wanted, this.#runtime);
      if (name === 'count') return BigInt(items.filter(isEqual).length);
      const index = items.findIndex(isEqual);
      if (index < 0) throw new JinjaFailure('value', 'expected an item of the list');
      return BigInt(index);
    });
  }
}

function missing(object: Value, name: string): Undefined {
  return new Undefined(`expected ${JSON.stringify(name)} of a value of type ${typeName(object)}, there is none`);
}

/** null is a value of its own: only undefined means that there is none. */
function known(value: Value | undefined, object: Value, name: string): Value {
  return value === undefined ? missing(object, name) : value;
}

function unsafe(type: string, name: string): Undefined {
  return new Undefined(`expected a template that changes no ${type}: ${name} is unsafe`, 'security');
}
