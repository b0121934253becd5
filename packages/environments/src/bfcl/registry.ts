import type { ApiClass } from './api-class.js';
import { gorillaFileSystem } from './classes/gorilla-file-system.js';
import { mathApi } from './classes/math-api.js';
import { messageApi } from './classes/message-api.js';
import { ticketApi } from './classes/ticket-api.js';
import { tradingBot } from './classes/trading-bot.js';
import { travelApi } from './classes/travel-api.js';
import { twitterApi } from './classes/twitter-api.js';
import { vehicleControlApi } from './classes/vehicle-control-api.js';

/** Every class of the benchmark; a new one is its file and a line in this list. */
const API_CLASSES: readonly ApiClass[] = [
  gorillaFileSystem,
  mathApi,
  twitterApi,
  ticketApi,
  messageApi,
  tradingBot,
  travelApi,
  vehicleControlApi,
];

const byName: ReadonlyMap<string, ApiClass> = new Map(API_CLASSES.map((api) => [api.name, api]));

/** The class of that name, or undefined. */
export function apiClass(name: string): ApiClass | undefined {
  return byName.get(name);
}

/** Names of all classes, in a fixed order. */
export const apiClassNames: readonly string[] = API_CLASSES.map((api) => api.name);
