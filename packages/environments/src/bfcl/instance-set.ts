import type { ApiClass, ApiState, InstanceContext } from './api-class.js';
import { bindArguments } from './api-class.js';
import { builtins } from './builtins.js';
import type { ProcessObjects } from './process-objects.js';
import { type Arguments, PyCallable, PyNamespace } from './python/callable.js';
import { evaluate } from './python/evaluate.js';
import { GraphCopier, GraphWriter } from './python/graph.js';
import { parseExpression } from './python/parser.js';
import { pyJson, pyStr } from './python/render.js';
import { PYTHON_SPACE } from './python/text.js';
import { PythonSyntaxError } from './python/tokenizer.js';
import { PyDict, PythonError, type PyValue } from './python/value.js';

/** What one call gave. */
export interface Execution {
  /** Text that the policy sees, as the official executor renders it. */
  readonly text: string;
  /** True for exceptions and for results that are a dict with the key "error". */
  readonly isError: boolean;
  /** Set where our own code failed, not the call: the policy is not to blame. */
  readonly isInternal?: true;
}

/** State of all instances and of the objects of their process, detached from its source. */
export class InstanceSnapshot {
  readonly states: ReadonlyMap<string, ApiState>;
  readonly process: ProcessObjects;

  constructor(states: ReadonlyMap<string, ApiState>, process: ProcessObjects) {
    this.states = states;
    this.process = process;
  }

  /** A copy of both, aliasing kept across instances. */
  static of(states: ReadonlyMap<string, ApiState>, process: ProcessObjects): InstanceSnapshot {
    const copier = new GraphCopier();
    return new InstanceSnapshot(
      new Map(Array.from(states, ([name, state]) => [name, copyState(state, copier)])),
      process.copy(copier),
    );
  }
}

function copyState(state: ApiState, copier: GraphCopier): ApiState {
  return Object.fromEntries(Object.entries(state).map(([attribute, value]) => [attribute, copier.copy(value)]));
}

/** Texts before the first `(` that the official executor refuses. */
const BLOCKED: ReadonlySet<string> = new Set(['kill', 'exit', 'quit', 'remove', 'unlink', 'popen', 'Popen', 'run']);

const WORD = '\\p{L}\\p{N}_';
/** An identifier and the white space before its parenthesis, anywhere in the text, string literals included. */
const CALLED_NAME = new RegExp(`(?<![${WORD}])([A-Za-z_][${WORD}]*)[${PYTHON_SPACE}]*(?=\\()`, 'gu');

class BoundMethod extends PyCallable {
  readonly #owner: InstanceSet;
  readonly #api: ApiClass;
  readonly #name: string;

  constructor(owner: InstanceSet, api: ApiClass, name: string) {
    super();
    this.#owner = owner;
    this.#api = api;
    this.#name = name;
  }

  get typeName(): string {
    return 'method';
  }

  repr(): string {
    return `<bound method ${this.#api.name}.${this.#name}>`;
  }

  call(args: Arguments): PyValue {
    return this.#owner.invoke(this.#api, this.#name, args);
  }
}

class Instance extends PyNamespace {
  readonly #api: ApiClass;
  readonly #methods: ReadonlyMap<string, BoundMethod>;

  constructor(api: ApiClass, methods: ReadonlyMap<string, BoundMethod>) {
    super();
    this.#api = api;
    this.#methods = methods;
  }

  get typeName(): string {
    return this.#api.name;
  }

  repr(): string {
    return `<${this.#api.name} object>`;
  }

  attribute(name: string): PyValue | undefined {
    return this.#methods.get(name);
  }
}

export interface InstanceSetOptions {
  /** In the order of the task. */
  readonly classes: readonly ApiClass[];
  /** The scenario: class name to its part. */
  readonly config: PyDict;
  /** "{model}_{test id}": appears in results where a string argument quotes a call. */
  readonly namePrefix: string;
  readonly context: InstanceContext;
}

/** One instance of each involved class, and the official executor over them. */
export class InstanceSet {
  readonly classes: readonly ApiClass[];
  #states: Map<string, ApiState>;
  readonly #context: InstanceContext;
  readonly #globals = new Map<string, PyValue>();
  /** Method name to the global name of its instance. */
  readonly #owners = new Map<string, string>();

  /** @throws {PythonError} when the scenario does not load. */
  constructor({ classes, config, namePrefix, context }: InstanceSetOptions) {
    this.classes = classes;
    this.#context = context;
    this.#states = new Map(
      classes.map((api) => {
        const part = config.get(api.name);
        return [api.name, api.load(part instanceof PyDict ? part : new PyDict(), context)];
      }),
    );
    for (const api of classes) {
      const instanceName = `${namePrefix}_${api.name}_instance`.replace(/[-./:]/g, '_');
      const names = Object.keys(api.methods);
      const methods = new Map(names.map((name) => [name, new BoundMethod(this, api, name)]));
      this.#globals.set(instanceName, new Instance(api, methods));
      for (const name of names) this.#owners.set(name, instanceName);
    }
  }

  /** Whether one of the instances has a method of that name. */
  hasMethod(name: string): boolean {
    return this.#owners.has(name);
  }

  /** State of one class; its attributes are live. */
  state(className: string): ApiState | undefined {
    return this.#states.get(className);
  }

  /**
   * Runs one Python call text as the official executor does; never throws for what the text says.
   *
   * @returns the rendered value, or `Error during execution: …`.
   */
  execute(callText: string): Execution {
    const text = callText.replace(CALLED_NAME, (_, name: string) => {
      const owner = this.#owners.get(name);
      return owner === undefined ? name : `${owner}.${name}`;
    });
    try {
      refuseBlocked(text);
      const expression = parseExpression(text.replace(/^[ \t]+/, ''));
      const value = evaluate(expression, (name) => this.#globals.get(name) ?? builtins.get(name));
      return { text: renderResult(value), isError: value instanceof PyDict && value.has('error') };
    } catch (error) {
      if (error instanceof PythonError || error instanceof PythonSyntaxError) {
        return { text: `Error during execution: ${error.message}`, isError: true };
      }
      // A bug of ours, or a stack exhausted in a way nobody foresaw: an error result, never a crashed run.
      return { text: 'Error during execution: internal error', isError: true, isInternal: true };
    }
  }

  /** Calls a method with bound arguments. */
  invoke(api: ApiClass, name: string, args: Arguments): PyValue {
    const method = api.methods[name] as ApiClass['methods'][string];
    const values = bindArguments(`${api.name}.${name}`, method.parameters, args, this.#context.process);
    return method.run.call(this.#context, this.#states.get(api.name) as ApiState, ...values);
  }

  snapshot(): InstanceSnapshot {
    return InstanceSnapshot.of(this.#states, this.#context.process);
  }

  restore(snapshot: InstanceSnapshot): void {
    const { states, process } = InstanceSnapshot.of(snapshot.states, snapshot.process);
    this.#states = new Map(states);
    this.#context.process.become(process);
  }

  digest(): string {
    const writer = new GraphWriter();
    for (const [name, state] of this.#states) {
      writer.write(name);
      for (const [attribute, value] of Object.entries(state)) {
        writer.write(attribute);
        writer.write(value);
      }
    }
    // What a process object holds shows only where a call changed it, or where a state refers to it.
    writer.flush();
    for (const [name, value] of this.#context.process.notable((value) => writer.hasWritten(value))) {
      writer.write(name);
      writer.write(value);
    }
    return writer.digest();
  }
}

function refuseBlocked(text: string): void {
  const head = text.split('(', 1)[0] as string;
  const name = head.includes('.') ? (head.split('.')[1] as string) : head;
  if (BLOCKED.has(name)) throw new PythonError('Exception', `Function call ${name} is not allowed.`);
}

function renderResult(value: PyValue): string {
  if (!(value instanceof PyDict)) return pyStr(value);
  try {
    return pyJson(value);
  } catch (error) {
    if (error instanceof PythonError) return pyStr(value);
    throw error;
  }
}
