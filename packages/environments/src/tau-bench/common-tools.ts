import { pyJson } from '../bfcl/python/render.js';
import type { PyValue } from '../bfcl/python/value.js';
import { calculate } from './calculate.js';
import type { TauDatabase } from './database.js';
import type { TauTool, TauTools } from './tool.js';

/** A tool that prints one record, or the given error where there is none. */
export function printRecord(table: string, parameter: string, notFound: string): TauTool {
  return {
    parameters: [parameter],
    run: (database: TauDatabase, id) => {
      const record = database.find(table, id as PyValue);
      return record === undefined ? notFound : pyJson(record);
    },
  };
}

/** Tools that both domains have. */
export const commonTools: TauTools = {
  calculate,
  get_user_details: printRecord('users', 'user_id', 'Error: user not found'),
  think: { parameters: ['thought'], run: () => '' },
  transfer_to_human_agents: { parameters: ['summary'], run: () => 'Transfer successful' },
};
