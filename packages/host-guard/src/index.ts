/**
 * Guards of a local HTTP server without authentication: where it may listen, and which requests it refuses.
 *
 * @example
 * import { checkListenAddress, hostProblem } from '@parl-mt/host-guard';
 * checkListenAddress('127.0.0.1', false);
 * const options = { allowedHosts: [], isRemoteAllowed: false };
 * console.log(hostProblem({ host: 'evil.example' }, options)?.code); // HOST
 */
export { checkListenAddress, type HostGuardOptions, type HostProblem, hostProblem } from './host-guard.js';
