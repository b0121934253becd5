import type { ApiClass } from './api-class.js';
import { gorillaFileSystem } from './classes/gorilla-file-system.js';
import { mathApi } from './classes/math-api.js';
import { ticketApi } from './classes/ticket-api.js';
import { twitterApi } from './classes/twitter-api.js';

/** Every class of the benchmark that exists here; a new one is its file and a line in this list. */
const API_CLASSES: readonly ApiClass[] = [gorillaFileSystem, mathApi, twitterApi, ticketApi];

const byName: ReadonlyMap<string, ApiClass> = new Map(API_CLASSES.map((api) => [api.name, api]));

/** The class of that name, or undefined. */
export function apiClass(name: string): ApiClass | undefined {
  return byName.get(name);
}

/** Names of all implemented classes, in a fixed order. */
export const apiClassNames: readonly string[] = API_CLASSES.map((api) => api.name);
