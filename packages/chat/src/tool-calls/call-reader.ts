import type { ToolCall } from '@parl-mt/schema';
import type { ToolCallError, ToolCallEvent, ToolCallStream } from './tool-call-format.js';

/** Thrown inside a reader, at a position of the whole text. */
export class CallFailure extends Error {
  constructor(
    readonly kind: ToolCallError['kind'],
    message: string,
    readonly position: number,
  ) {
    super(message);
  }
}

/**
 * What the readers of all formats share: text that waits, events, the end after an error. A reader's `advance` consumes what is
 * certain and returns false when it needs more text.
 */
export abstract class CallReader implements ToolCallStream {
  /** Text that is not consumed yet. */
  protected waiting = '';
  /** Where it begins in the whole text. */
  protected offset = 0;
  protected isEnded = false;
  private events: ToolCallEvent[] = [];
  private isBroken = false;

  push(piece: string): ToolCallEvent[] {
    if (!this.isBroken) this.waiting += piece;
    return this.run();
  }

  end(): ToolCallEvent[] {
    this.isEnded = true;
    return this.run();
  }

  /** One step; false when there is nothing left to do with this text. */
  protected abstract advance(): boolean;

  protected consume(length: number): string {
    const text = this.waiting.slice(0, length);
    this.waiting = this.waiting.slice(length);
    this.offset += length;
    return text;
  }

  /** Whether a quote of what waits would stay the same with more text: a failure has one message, however the text was cut. */
  protected get isQuotable(): boolean {
    return this.isEnded || this.waiting.length >= QUOTED_UNITS;
  }

  protected emitContent(text: string): void {
    const last = this.events.at(-1);
    if (text === '') return;
    if (last?.type === 'content') this.events[this.events.length - 1] = { type: 'content', text: last.text + text };
    else this.events.push({ type: 'content', text });
  }

  protected emitCall(call: ToolCall): void {
    this.events.push({ type: 'call', call });
  }

  private run(): ToolCallEvent[] {
    try {
      while (!this.isBroken && this.advance());
    } catch (error) {
      if (!(error instanceof CallFailure)) throw error;
      this.isBroken = true;
      this.waiting = '';
      const { kind, message, position } = error;
      this.events.push({ type: 'error', error: { kind, message, position } });
    }
    const events = this.events;
    this.events = [];
    return events;
  }
}

/** UTF-16 units of a text that its quote depends on. */
const QUOTED_UNITS = 48;

/** A short quote of a text, for messages. */
export function quote(text: string): string {
  return text === '' ? 'the end of the text' : JSON.stringify([...text.slice(0, QUOTED_UNITS)].slice(0, 24).join(''));
}
