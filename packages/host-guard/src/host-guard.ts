import { isIP } from 'node:net';
import { UsageError } from '@parl-mt/schema';

export interface HostGuardOptions {
  /** Names besides loopback that a request may be addressed to. */
  readonly allowedHosts: readonly string[];
  /** True when the server listens beyond loopback: then any literal IP address is fine, it cannot be rebound. */
  readonly isRemoteAllowed: boolean;
}

/**
 * Refuses to listen where others can reach the port, unless that was asked for in so many words.
 *
 * @throws {UsageError} naming the flag.
 */
export function checkListenAddress(host: string, isRemoteAllowed: boolean): void {
  if (!isLoopback(host) && !isRemoteAllowed) {
    throw new UsageError(
      `--host ${host}: expected a loopback address. There is no authentication: whoever reaches the port can run jobs ` +
        'and read their files. To listen there all the same, add --allow-remote-without-authentication',
    );
  }
}

/** Why a request is refused; the status is 403. */
export interface HostProblem {
  readonly code: 'HOST' | 'ORIGIN';
  readonly message: string;
}

/**
 * Finds requests that a foreign web page makes a browser send: through DNS rebinding (the Host header then has the
 * page's name) or across origins (the Origin header then does).
 *
 * @returns undefined where the request is fine.
 */
export function hostProblem(
  headers: { readonly host?: string | undefined; readonly origin?: string | undefined },
  options: HostGuardOptions,
): HostProblem | undefined {
  if (!isAllowed(hostnameOf(`http://${headers.host ?? ''}`), options)) {
    return { code: 'HOST', message: 'the Host header names no address of this server; see --allowed-hosts' };
  }
  if (headers.origin !== undefined && !isAllowed(hostnameOf(headers.origin), options)) {
    return { code: 'ORIGIN', message: 'requests from pages of other origins are refused' };
  }
  return undefined;
}

function isAllowed(hostname: string | undefined, options: HostGuardOptions): boolean {
  return (
    hostname !== undefined &&
    (isLoopback(hostname) ||
      options.allowedHosts.some((allowed) => allowed.toLowerCase() === hostname) ||
      (options.isRemoteAllowed && isIP(hostname) !== 0))
  );
}

/** Lower-case host name without port and brackets; undefined where there is none. */
function hostnameOf(url: string): string | undefined {
  try {
    const { hostname } = new URL(url);
    return hostname === '' ? undefined : hostname.replace(/^\[(.*)\]$/, '$1');
  } catch {
    return undefined;
  }
}

function isLoopback(host: string): boolean {
  return host === 'localhost' || host === '::1' || (isIP(host) === 4 && host.startsWith('127.'));
}
