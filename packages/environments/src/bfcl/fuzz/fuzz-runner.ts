import { BfclEnvironment } from '../bfcl-environment.js';
import { parseCallText } from '../call-text.js';
import { decodeFunctionCalls } from '../decode-function-calls.js';
import { decodePromptOutput } from '../decode-prompt-output.js';
import { parseExpression } from '../python/parser.js';
import { PythonSyntaxError } from '../python/tokenizer.js';
import { PythonError } from '../python/value.js';
import { apiClassNames } from '../registry.js';
import { type FuzzInput, type FuzzTarget, fuzzInput } from './fuzz-input.js';

/** An input on which something happened that must not. */
export interface FuzzFinding {
  readonly index: number;
  readonly target: FuzzTarget;
  readonly kind: 'crash' | 'slow' | 'pollution' | 'flood';
  readonly detail: string;
  /** The input, cut after 300 characters. */
  readonly text: string;
}

/** Longest result of one input, in UTF-16 units. */
const MAX_RESULT_LENGTH = 11_000_000;
/** Inputs that one environment sees before it is reset. */
const INPUTS_PER_EPISODE = 400;

/** Runs inputs by index, and checks after each one that nothing broke. */
export class FuzzRunner {
  readonly findings: FuzzFinding[] = [];
  readonly countPerTarget = new Map<FuzzTarget, number>();
  slowestMs = 0;
  readonly #seed: number;
  readonly #timeLimitMs: number;
  readonly #environment = new BfclEnvironment();
  readonly #prototypes = prototypeKeys();
  #executed = 0;

  constructor(seed: number, timeLimitMs: number) {
    this.#seed = seed;
    this.#timeLimitMs = timeLimitMs;
  }

  run(index: number): void {
    const input = fuzzInput(this.#seed, index);
    this.countPerTarget.set(input.target, (this.countPerTarget.get(input.target) ?? 0) + 1);
    if (input.target === 'execute' && this.#executed++ % INPUTS_PER_EPISODE === 0) this.#reset();
    const startedAt = process.cpuUsage();
    try {
      this.#feed(input, index);
    } catch (error) {
      this.#find(index, input, 'crash', error instanceof Error ? (error.stack ?? error.message) : String(error));
    }
    // Processor time: on a busy machine the clock on the wall also counts what others do.
    const used = process.cpuUsage(startedAt);
    const elapsed = (used.user + used.system) / 1000;
    this.slowestMs = Math.max(this.slowestMs, elapsed);
    if (elapsed > this.#timeLimitMs) this.#find(index, input, 'slow', `${elapsed.toFixed(0)} ms of processor time`);
    if (prototypeKeys() !== this.#prototypes) this.#find(index, input, 'pollution', 'a prototype has other keys now');
  }

  #feed({ target, text }: FuzzInput, index: number): void {
    switch (target) {
      case 'execute': {
        const { content, isError, fault } = this.#environment.execute(text);
        if (fault === 'environment') throw new Error(`internal error: ${content}`);
        this.#checkLength(index, { target, text }, content.length);
        if (isError && content === '') throw new Error('expected an error to have a text');
        break;
      }
      case 'parse':
        try {
          parseExpression(text);
        } catch (error) {
          if (!(error instanceof PythonSyntaxError) && !(error instanceof PythonError)) throw error;
        }
        parseCallText(text);
        break;
      case 'prompting': {
        const result = decodePromptOutput(text);
        if (result.ok) this.#checkLength(index, { target, text }, result.calls.join('').length);
        break;
      }
      case 'fc': {
        const result = decodeFunctionCalls([{ name: 'echo', arguments: text }]);
        if (result.ok) this.#environment.execute(result.calls[0] as string);
        break;
      }
    }
  }

  #reset(): void {
    this.#environment.reset(
      {
        id: 'fuzz',
        environment: 'bfcl',
        category: 'fuzz',
        involvedClasses: [...apiClassNames],
        initialConfig: LOGGED_IN,
        tools: [],
        turns: [{ messages: [], groundTruth: [] }],
      },
      0,
    );
  }

  #checkLength(index: number, input: FuzzInput, length: number): void {
    if (length > MAX_RESULT_LENGTH) this.#find(index, input, 'flood', `${length} characters`);
  }

  #find(index: number, { target, text }: FuzzInput, kind: FuzzFinding['kind'], detail: string): void {
    this.findings.push({ index, target, kind, detail, text: text.slice(0, 300) });
  }
}

/** A scenario in which most calls get past the login. */
const LOGGED_IN = JSON.stringify({
  TwitterAPI: { authenticated: true },
  TicketAPI: { current_user: 'ann' },
  MessageAPI: { current_user: 'USR001' },
  TradingBot: { authenticated: true, market_status: 'Open' },
  TravelAPI: { access_token: 'x', token_expires_in: 2, credit_card_list: { '1': { balance: 50000 } } },
});

function prototypeKeys(): string {
  return [Object.prototype, Array.prototype, String.prototype, Map.prototype, Function.prototype]
    .map((prototype) => Reflect.ownKeys(prototype).length)
    .join();
}
