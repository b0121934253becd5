import { createUser, openConversation, ScriptedUser, type TauUser } from '@parl-mt/environments';
import type { EnvironmentServerConfig } from '@parl-mt/schema';
import type { SessionOptions } from './episode-session.js';
import type { TaskCatalog } from './task-catalog.js';

/** How the sessions of a configuration open their conversations, and what they are paid. */
export async function sessionOptions(config: EnvironmentServerConfig, catalog: TaskCatalog): Promise<SessionOptions> {
  const { limits, faultRate, delay, maxCallsPerTurn, maxTurns, mcp, reward, tauBench } = config;
  const { tauBenchDirectory } = catalog;
  const createTauUser = config.benchmark === 'tau-bench' ? await tauUsers(tauBench.user) : undefined;
  return {
    catalog,
    reward,
    openConversation: (task, seed) =>
      openConversation(task, seed, {
        limits,
        faultRate,
        delay,
        maxCallsPerTurn,
        maxTurns,
        mcp,
        tauBenchDirectory,
        createTauUser,
      }),
  };
}

/** Makes a user per conversation; all of them share one model, and its limit of requests at once. */
async function tauUsers({
  strategy,
  lines,
  ...endpoint
}: EnvironmentServerConfig['tauBench']['user']): Promise<() => TauUser> {
  if (strategy === 'scripted') return () => new ScriptedUser(lines);
  // Loaded here: nothing else needs the client's package.
  const { OpenAiChatModel } = await import('@parl-mt/chat/openai');
  const model = new OpenAiChatModel(endpoint, { apiKey: process.env[endpoint.apiKeyEnv] });
  return () => createUser(strategy, (request) => model.complete(request));
}
