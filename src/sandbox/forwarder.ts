/**
 * A program of its own, the first one inside a sandbox whose network is a list: it listens on loopback there, carries each
 * connection to the proxy's socket, and runs the agent with its own standard streams. It ends as the agent does.
 *
 *   node forwarder.js SOCKET PORT COMMAND ARGUMENT…
 */
import { connect, createServer, type Socket } from "node:net";
import { runInPlace } from "../process/in-place.ts";

const [socketPath = "", port = "", command = "", ...args] = process.argv.slice(2);

const open = new Set<Socket>();
const server = createServer({ allowHalfOpen: true }, (inside) => {
  const outside = connect({ path: socketPath, allowHalfOpen: true });
  open.add(inside).add(outside);
  inside.pipe(outside);
  outside.pipe(inside);
  inside.on("error", () => outside.destroy()).once("close", () => open.delete(inside));
  outside.on("error", () => inside.destroy()).once("close", () => open.delete(outside));
});
await new Promise<void>((resolve, reject) => {
  server.once("error", reject);
  server.listen(Number(port), "127.0.0.1", resolve);
});
process.exitCode = await runInPlace(command, args);
server.close();
for (const socket of open) socket.destroy();
