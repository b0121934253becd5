// A small MCP server for the tests: notes that can be written and read.
import { Server } from '@modelcontextprotocol/sdk/server/index.js';
import { StdioServerTransport } from '@modelcontextprotocol/sdk/server/stdio.js';
import { CallToolRequestSchema, ListToolsRequestSchema } from '@modelcontextprotocol/sdk/types.js';

const notes = [];
const text = (value) => ({ content: [{ type: 'text', text: value }] });
const tools = {
  write: ({ note }) => text(String(notes.push(note))),
  read: ({ number }) =>
    notes[number] === undefined ? { ...text('no such note'), isError: true } : text(notes[number]),
};
const server = new Server({ name: 'notes', version: '1' }, { capabilities: { tools: {} } });
server.setRequestHandler(ListToolsRequestSchema, () => ({
  tools: Object.keys(tools).map((name) => ({ name, inputSchema: { type: 'object' } })),
}));
server.setRequestHandler(CallToolRequestSchema, ({ params }) => tools[params.name](params.arguments ?? {}));
await server.connect(new StdioServerTransport());
