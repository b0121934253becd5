import { newTensorBuffer } from '@parl-mt/native';

/** Buffers below this size are cheaper to allocate anew than to look up. */
const SMALLEST_BYTES = 4096;

/**
 * Free list of buffers by size class, so that one update writes into the memory of the one before: fresh pages cost
 * more than the kernels that fill them (a page fault and a zero-fill for every 4 KiB).
 *
 * A buffer is *fresh* when handed out, *held* once exactly one tensor stores it, and back on the list when that tensor
 * goes. Whatever else gets to see it (a second tensor that aliases it, user code) makes the pool forget it for good:
 * it is then ordinary garbage-collected memory and is never handed out again.
 */
export class BufferPool {
  readonly #free = new Map<number, ArrayBuffer[]>();
  readonly #lent = new WeakMap<ArrayBufferLike, 'fresh' | 'held'>();
  readonly #maxFreeBytes: number;
  #freeBytes = 0;

  /** @param maxFreeBytes - bytes kept for reuse; buffers released beyond that are left to the garbage collector. */
  constructor(maxFreeBytes = 4 * 2 ** 30) {
    this.#maxFreeBytes = maxFreeBytes;
  }

  /** Bytes on the free list. */
  get freeBytes(): number {
    return this.#freeBytes;
  }

  /** An array of `length` elements whose contents are arbitrary: the caller overwrites all of it. */
  allocate(length: number): Float32Array<ArrayBuffer> {
    const bytes = length * 4;
    if (bytes < SMALLEST_BYTES) return new Float32Array(length);
    const size = sizeClass(bytes);
    const buffer = this.#take(size) ?? newTensorBuffer(size);
    this.#lent.set(buffer, 'fresh');
    return new Float32Array(buffer, 0, length);
  }

  /**
   * A free buffer of the size class, or else of the next larger one that has any, up to twice the size: a shorter batch lies in the
   * memory of a longer one instead of beside it.
   */
  #take(size: number): ArrayBuffer | undefined {
    for (let candidate = size; candidate <= 2 * size; candidate = sizeClass(candidate + 1)) {
      const buffer = this.#free.get(candidate)?.pop();
      if (buffer === undefined) continue;
      this.#freeBytes -= candidate;
      return buffer;
    }
    return undefined;
  }

  /** Like `allocate`, filled with zeros: for kernels that accumulate. */
  allocateZeros(length: number): Float32Array<ArrayBuffer> {
    const array = this.allocate(length);
    return length * 4 < SMALLEST_BYTES ? array : array.fill(0);
  }

  /** A tensor starts to store `values`. The second one to do so aliases the first: then the pool forgets the buffer. */
  hold(values: ArrayBufferView): void {
    const state = this.#lent.get(values.buffer);
    if (state === 'fresh') this.#lent.set(values.buffer, 'held');
    else if (state === 'held') this.#lent.delete(values.buffer);
  }

  /** The one holder of `values` is gone; nothing happens when the pool does not own the buffer. */
  release(values: ArrayBufferView): void {
    const { buffer } = values;
    if (!this.#lent.delete(buffer)) return;
    const size = buffer.byteLength;
    if (this.#freeBytes + size > this.#maxFreeBytes) return;
    this.#freeBytes += size;
    const list = this.#free.get(size);
    if (list === undefined) this.#free.set(size, [buffer as ArrayBuffer]);
    else list.push(buffer as ArrayBuffer);
  }

  /** Somebody outside keeps `values`: never hand the buffer out again. */
  forget(values: ArrayBufferView): void {
    this.#lent.delete(values.buffer);
  }

  /** Whether releasing would make the buffer available to others. */
  owns(values: ArrayBufferView): boolean {
    return this.#lent.has(values.buffer);
  }

  /** Drops the free list. */
  trim(): void {
    this.#free.clear();
    this.#freeBytes = 0;
  }
}

/** Sizes rounded up to an eighth of their power of two: batches of slightly different length share buffers. */
function sizeClass(bytes: number): number {
  const step = Math.max(SMALLEST_BYTES, 2 ** (Math.floor(Math.log2(bytes)) - 3));
  return Math.ceil(bytes / step) * step;
}
