// An MCP server over stdio whose tools fail in every way that the client must survive. Arguments:
//   --noise        writes to stdout before the handshake     --silent     never answers the handshake
//   --exit N       ends with that code at once                --stubborn   ignores the end of its input and SIGTERM
//   --pid-file F   adds its process id to a file
import { spawn } from 'node:child_process';
import { appendFileSync, readFileSync } from 'node:fs';
import { Server } from '@modelcontextprotocol/sdk/server/index.js';
import { StdioServerTransport } from '@modelcontextprotocol/sdk/server/stdio.js';
import { CallToolRequestSchema, ListToolsRequestSchema, McpError } from '@modelcontextprotocol/sdk/types.js';

const flags = process.argv.slice(2);
if (flags[0] === '--exit') {
  console.error('no licence found');
  process.exit(Number(flags[1]));
}
if (flags.includes('--pid-file')) appendFileSync(flags[flags.indexOf('--pid-file') + 1], `${process.pid}\n`);
if (flags.includes('--noise')) console.log('Starting up...');
if (flags.includes('--stubborn')) process.on('SIGTERM', () => {});
if (flags.includes('--stubborn') || flags.includes('--silent')) setInterval(() => {}, 1000);

let calls = 0;
let isCancelled = false;
const extraTools = [];
const text = (value) => ({ content: [{ type: 'text', text: value }] });
const never = () => new Promise(() => {});
const raw = (line) => {
  process.stdout.write(`${line}\n`);
  return never();
};
const start = (detached) => {
  const child = spawn(process.execPath, ['-e', 'setInterval(() => {}, 1000)'], { detached, stdio: 'ignore' });
  child.unref();
  return text(String(child.pid));
};

const tools = {
  echo: ({ value }) => text(value),
  count: () => text(String(++calls)),
  explode: () => ({ ...text('the disk is on fire'), isError: true }),
  refuse: () => {
    throw new McpError(-32602, 'value must be a string');
  },
  crash: () => {
    throw new Error('unexpected');
  },
  hang: (_, { signal }) => {
    signal.addEventListener('abort', () => {
      isCancelled = true;
    });
    return never();
  },
  was_cancelled: () => text(String(isCancelled)),
  flood: ({ megabytes }) => text('x'.repeat(megabytes * 1024 * 1024)),
  not_json: () => raw('Traceback (most recent call last):'),
  not_rpc: () => raw('{"jsonrpc":"1.0","answer":42}'),
  not_a_result: (_, { requestId }) =>
    raw(JSON.stringify({ jsonrpc: '2.0', id: requestId, result: { content: 'not a list' } })),
  no_newline: () => {
    process.stdout.write('{"jsonrpc"');
    return never();
  },
  exit: () => {
    console.error('segmentation fault');
    process.exit(3);
  },
  blocks: () => ({
    content: [
      { type: 'text', text: 'first' },
      { type: 'image', data: 'AAECAw==', mimeType: 'image/png' },
      { type: 'resource_link', uri: 'file:///a.txt', name: 'a' },
      { type: 'resource', resource: { uri: 'file:///b.txt', text: 'inside' } },
      { type: 'resource', resource: { uri: 'file:///c', blob: 'AAA=' } },
    ],
  }),
  structured: () => ({ content: [], structuredContent: { answer: 42 } }),
  start_child: () => start(false),
  start_daemon: () => start(true),
  environment: () =>
    text(
      JSON.stringify({
        seed: process.env.SEED,
        home: process.env.HOME !== undefined,
        secret: process.env.SECRET ?? null,
        cwd: process.cwd(),
      }),
    ),
  read: ({ path }) => text(readFileSync(path, 'utf8')),
  add_tool: async () => {
    extraTools.push('added');
    await server.sendToolListChanged();
    return text('added');
  },
  added: () => text('here'),
};

const server = new Server({ name: 'awkward', version: '1' }, { capabilities: { tools: { listChanged: true } } });
// Two tools a page.
server.setRequestHandler(ListToolsRequestSchema, ({ params }) => {
  const names = [...Object.keys(tools).filter((name) => name !== 'added'), ...extraTools];
  const first = Number(params?.cursor ?? 0);
  const page = names.slice(first, first + 2).map((name) => ({
    name,
    description: `Tool ${name}.`,
    inputSchema: { type: 'object', properties: { value: { type: 'string' } } },
  }));
  return { tools: page, ...(first + 2 < names.length ? { nextCursor: String(first + 2) } : {}) };
});
server.setRequestHandler(CallToolRequestSchema, ({ params }, extra) =>
  tools[params.name](params.arguments ?? {}, extra),
);
if (!flags.includes('--silent')) await server.connect(new StdioServerTransport());
