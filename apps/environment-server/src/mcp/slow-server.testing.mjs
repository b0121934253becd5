// An MCP server with a slow tool, for tests of what passes through.
import { Server } from '@modelcontextprotocol/sdk/server/index.js';
import { StdioServerTransport } from '@modelcontextprotocol/sdk/server/stdio.js';
import { CallToolRequestSchema, ListToolsRequestSchema } from '@modelcontextprotocol/sdk/types.js';

const text = (value) => ({ content: [{ type: 'text', text: value }] });
let calls = 0;
const tools = {
  count: () => text(String(++calls)),
  hang: () => new Promise(() => {}),
  slow: () => new Promise((resolve) => setTimeout(resolve, 600, text('slow'))),
};
const server = new Server({ name: 'slow', version: '1' }, { capabilities: { tools: {} } });
server.setRequestHandler(ListToolsRequestSchema, () => ({
  tools: Object.keys(tools).map((name) => ({ name, description: name, inputSchema: { type: 'object' } })),
}));
server.setRequestHandler(CallToolRequestSchema, ({ params }) => tools[params.name]());
await server.connect(new StdioServerTransport());
