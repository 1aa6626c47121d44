/**
 * An HTTP proxy as some networks have one: it alone knows the name of the model server, and leads to nothing else. Agents
 * in a sandbox reach it through Crucible's own proxy and no other way.
 */
import { once } from "node:events";
import { createServer, request as httpRequest } from "node:http";
import { connect } from "node:net";

/** The model server, as it is called behind the proxy; nothing on this machine knows the name. */
export const modelName = "model.test";

/**
 * @param {string} modelUrl where the model server really is
 * @returns {Promise<{ url: string, asked: string[], close: () => Promise<void> }>} `asked` = the hosts that were asked for
 */
export async function startModelProxy(modelUrl) {
  const { port } = new URL(modelUrl);
  const asked = [];
  const server = createServer((request, response) => {
    const { host, pathname, search } = new URL(request.url);
    asked.push(host);
    if (host !== modelName) return response.writeHead(403).end();
    const { method, headers } = request;
    const onward = httpRequest({ port, method, headers, path: pathname + search }, (answer) => {
      response.writeHead(answer.statusCode, answer.headers);
      answer.pipe(response);
    });
    onward.on("error", () => response.destroy());
    response.on("close", () => onward.destroy());
    return request.pipe(onward);
  });
  server.on("connect", (request, client, head) => {
    asked.push(request.url.replace(/:80$/, ""));
    if (request.url !== `${modelName}:80`) return client.end("HTTP/1.1 403 Forbidden\r\n\r\n");
    const onward = connect(Number(port), "127.0.0.1", () => {
      client.write("HTTP/1.1 200 Connection Established\r\n\r\n");
      onward.write(head);
      client.pipe(onward).pipe(client);
    });
    client.on("error", () => onward.destroy()).on("close", () => onward.destroy());
    return onward.on("error", () => client.destroy());
  });
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  return {
    url: `http://127.0.0.1:${server.address().port}`,
    asked,
    async close() {
      server.closeAllConnections();
      server.close();
      await once(server, "close");
    },
  };
}
