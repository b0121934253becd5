import type { CallToolResult } from '@modelcontextprotocol/sdk/types.js';

/**
 * A tool's result as the text that a policy sees: its text blocks, one per line; other blocks are named, not shown. Where
 * there are no blocks, the structured content as JSON.
 */
export function resultText({ content, structuredContent }: CallToolResult): string {
  if (content.length === 0 && structuredContent !== undefined) return JSON.stringify(structuredContent);
  return content.map(blockText).join('\n');
}

function blockText(block: CallToolResult['content'][number]): string {
  switch (block.type) {
    case 'text':
      return block.text;
    case 'image':
    case 'audio':
      return `[${block.type} ${block.mimeType}, ${base64Bytes(block.data)} bytes]`;
    case 'resource_link':
      return `[resource ${block.uri}]`;
    case 'resource': {
      const { resource } = block;
      return 'text' in resource ? resource.text : `[resource ${resource.uri}, ${base64Bytes(resource.blob)} bytes]`;
    }
  }
}

function base64Bytes(text: string): number {
  return Math.floor((text.replace(/=+$/, '').length * 3) / 4);
}
