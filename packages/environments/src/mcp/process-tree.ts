import { readdirSync, readFileSync } from 'node:fs';

/** A process that stays the same one although its number may be given to another later. */
interface ProcessIdentity {
  readonly pid: number;
  readonly parent: number;
  /** Clock ticks since boot. */
  readonly startTime: string;
}

/**
 * All processes below a process. Read from /proc, so only Linux knows any; elsewhere process groups have to do.
 *
 * @returns children, their children and so on, whatever groups and sessions they have moved to.
 */
export function descendantsOf(pid: number): ProcessIdentity[] {
  const children = new Map<number, ProcessIdentity[]>();
  for (const identity of allProcesses()) {
    const siblings = children.get(identity.parent);
    if (siblings === undefined) children.set(identity.parent, [identity]);
    else siblings.push(identity);
  }
  const found = [...(children.get(pid) ?? [])];
  for (const identity of found) found.push(...(children.get(identity.pid) ?? []));
  return found;
}

/** Kills those of the processes that still run; a number that belongs to another process by now is left alone. */
export function killProcesses(processes: readonly ProcessIdentity[]): void {
  for (const { pid, startTime } of processes) {
    if (readIdentity(pid)?.startTime === startTime) sendSignal(pid, 'SIGKILL');
  }
}

/** Sends a signal to a process, or, for a negative number, to a process group. Nothing happens where there is none. */
export function sendSignal(pid: number, signal: NodeJS.Signals): void {
  try {
    process.kill(pid, signal);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'ESRCH') throw error;
  }
}

function allProcesses(): ProcessIdentity[] {
  try {
    return readdirSync('/proc').flatMap((name) => (/^\d+$/.test(name) ? (readIdentity(Number(name)) ?? []) : []));
  } catch {
    return [];
  }
}

/** From /proc/PID/stat: `pid (name, which may hold anything) state ppid ...`, the start time as field 22. */
function readIdentity(pid: number): ProcessIdentity | undefined {
  try {
    const stat = readFileSync(`/proc/${pid}/stat`, 'utf8');
    const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ');
    return { pid, parent: Number(fields[1]), startTime: fields[19] ?? '' };
  } catch {
    return undefined;
  }
}
