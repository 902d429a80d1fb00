/** The least a Node server can do: the answer of the URL given as argument, to every request. Prints its port. */
import { createServer } from 'node:http';

/** What every node:http server adds by itself. */
const automatic = new Set(['connection', 'date', 'keep-alive']);

const [, , copied = ''] = process.argv;
const answer = await fetch(copied);
const bytes = Buffer.from(await answer.arrayBuffer());
const headers = Object.fromEntries([...answer.headers].filter(([name]) => !automatic.has(name)));
const server = createServer((_request, response) => {
  response.writeHead(200, headers);
  response.end(bytes);
});
server.listen(0, '127.0.0.1', () => {
  const address = server.address();
  console.log(typeof address === 'object' && address !== null ? address.port : address);
});
