/** Ports of loopback for what has to be told its port beforehand. */
import { once } from "node:events";
import { createServer } from "node:net";

/** The system gives the ports above these to whoever names none, and so never one of these. */
const least = 10_000;
const most = 32_000;

/** A port on which nobody listens, and which nobody is given by chance. */
export async function freePort(): Promise<number> {
  for (;;) {
    const port = least + Math.floor(Math.random() * (most - least));
    const server = createServer().listen(port, "127.0.0.1");
    const isFree = await once(server, "listening").then(
      () => true,
      () => false,
    );
    if (!isFree) continue;
    server.close();
    await once(server, "close");
    return port;
  }
}
