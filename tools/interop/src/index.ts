/**
 * Episodes over foreign tool servers, and what a call costs on each way to a world.
 *
 * @example
 * import { playEpisode } from '@parl-mt/interop';
 * await playEpisode(JSON.parse(script), (line) => console.log(line));
 */
export { episodeScriptSchema, playEpisode } from './mcp-episode.js';
export { formatServedCost, measureServedCost, type ServedCost } from './served-cost.js';
