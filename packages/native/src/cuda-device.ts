import { NativeValueError } from './errors.js';
import { nativeInfo } from './native-info.js';

/** @throws {NativeValueError} saying why there is no CUDA device, if there is none. */
export function requireCudaDevice(): void {
  const { cuda } = nativeInfo();
  if (!cuda.available) throw new NativeValueError(`expected a CUDA device, received none: ${cuda.reason}`);
}
