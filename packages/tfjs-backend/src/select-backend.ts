import { registerNativeKernels } from './native-kernels.js';
import { PARL, ParlBackend } from './parl-backend.js';
import { tf } from './tf.js';

/** parl: the addon (default); tensorflow: tfjs-node-gpu or tfjs-node, if installed; cpu: the reference. */
export type BackendName = 'parl' | 'tensorflow' | 'cpu';

/** A backend was asked for that this installation does not have; the message says what to install. */
export class BackendUnavailableError extends Error {
  readonly code = 'USAGE';

  constructor(message: string, options?: ErrorOptions) {
    super(message, options);
    this.name = 'BackendUnavailableError';
  }
}

/** Makes backend `parl` known to TF.js: all kernels of backend cpu, the hot ones replaced by the addon's. Idempotent. */
export function registerParlBackend(): void {
  if (tf.findBackendFactory(PARL) !== null && tf.findBackendFactory(PARL) !== undefined) return;
  tf.registerBackend(PARL, () => new ParlBackend(), 0);
  tf.copyRegisteredKernels('cpu', PARL);
  registerNativeKernels();
}

/**
 * Makes `name` the active backend; later tensors and ops use it.
 * @throws {BackendUnavailableError} for `tensorflow` when neither tfjs-node-gpu nor tfjs-node loads.
 */
export async function selectBackend(name: BackendName): Promise<void> {
  switch (name) {
    case 'parl':
      registerParlBackend();
      break;
    case 'cpu':
      silenceAdvice(tf.findBackend('cpu'));
      break;
    case 'tensorflow':
      await loadTensorflow();
      break;
    default:
      throw new BackendUnavailableError(`expected a backend of parl, tensorflow, cpu, received ${String(name)}`);
  }
  if (!(await tf.setBackend(name))) {
    throw new BackendUnavailableError(`expected backend ${name} to start, TF.js refused: see its warning above`);
  }
}

/** Both packages register backend `tensorflow` with the one TF.js engine of the process when they load. */
async function loadTensorflow(): Promise<void> {
  const reasons: string[] = [];
  for (const packageName of ['@tensorflow/tfjs-node-gpu', '@tensorflow/tfjs-node']) {
    try {
      await import(packageName);
      return;
    } catch (error) {
      // Not only MODULE_NOT_FOUND: with --ignore-scripts the package is there, its binary is not.
      const message = error instanceof Error ? error.message : String(error);
      reasons.push(`${packageName}: ${message.split('\n')[0]}`);
    }
  }
  throw new BackendUnavailableError(
    'expected @tensorflow/tfjs-node-gpu or @tensorflow/tfjs-node to load for backend tensorflow, neither did ' +
      `(${reasons.join('; ')}). Install one with its install script (npm i @tensorflow/tfjs-node@4.22.0), ` +
      'or choose backend parl',
  );
}

/** Backend cpu prints an advice to install tfjs-node at its first write. */
function silenceAdvice(backend: tf.KernelBackend): void {
  (backend as unknown as { firstUse: boolean }).firstUse = false;
}
