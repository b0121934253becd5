import { JinjaFailure } from './jinja-error.js';
import { equals, type Runtime } from './operations.js';
import { type KeywordArguments, Native, NativeFunction, Undefined, type Value } from './value.js';

/** The variable `loop`. */
export class LoopContext extends Native {
  readonly typeName = 'LoopContext';
  index = 0;
  #lastChanged: readonly Value[] | undefined;

  /** @param recurse - renders the loop's body over other items, where the loop is recursive. */
  constructor(
    private readonly items: readonly Value[],
    private readonly depth: number,
    private readonly recurse: ((items: Value, depth: number) => string) | undefined,
    private readonly runtime: Runtime,
  ) {
    super();
  }

  override attribute(name: string): Value | undefined {
    const { index, items } = this;
    const { length } = items;
    switch (name) {
      case 'index':
        return BigInt(index + 1);
      case 'index0':
        return BigInt(index);
      case 'revindex':
        return BigInt(length - index);
      case 'revindex0':
        return BigInt(length - index - 1);
      case 'first':
        return index === 0;
      case 'last':
        return index === length - 1;
      case 'length':
        return BigInt(length);
      case 'depth':
        return BigInt(this.depth + 1);
      case 'depth0':
        return BigInt(this.depth);
      case 'previtem':
        return index > 0 ? items[index - 1]! : new Undefined('expected a previous item, this is the first');
      case 'nextitem':
        return index + 1 < length ? items[index + 1]! : new Undefined('expected a next item, this is the last');
      case 'cycle':
        return new NativeFunction('cycle', (args) => {
          if (args.length === 0) throw new JinjaFailure('type', 'expected items for cycle');
          return args[index % args.length]!;
        });
      case 'changed':
        return new NativeFunction('changed', (args) => {
          const hasChanged = this.#lastChanged === undefined || !equals(this.#lastChanged, args, this.runtime);
          this.#lastChanged = args;
          return hasChanged;
        });
      default:
        return undefined;
    }
  }

  override call(args: readonly Value[], _kwargs: KeywordArguments): Value {
    if (this.recurse === undefined) {
      throw new JinjaFailure('type', 'expected {% for … recursive %} around a call of loop');
    }
    if (args.length !== 1) throw new JinjaFailure('type', `expected one argument of loop, received ${args.length}`);
    return this.recurse(args[0]!, this.depth + 1);
  }
}
