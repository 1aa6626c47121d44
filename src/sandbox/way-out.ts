/**
 * How an agent inside finds the proxy when its network is a list of hosts: a forwarder runs in front of it, and the variables that
 * programs look at name the forwarder's port. What does not look at them reaches nothing.
 */
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import type { LaunchSpec } from "../process/child.ts";

/** Of the proxy, in the folder of the sockets that an agent inside is given. */
export const proxySocketName = "proxy.sock";

/** On the loopback of the sandbox, which is nobody else's. */
const forwarderPort = 3128;

const forwarder = fileURLToPath(new URL("forwarder.js", import.meta.url));

/** The same program with the forwarder in front. `sockets` = that folder as it is inside. */
export function throughProxy(spec: LaunchSpec, sockets: string): LaunchSpec {
  const url = `http://127.0.0.1:${forwarderPort}`;
  const names = ["HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY"].flatMap((name) => [name, name.toLowerCase()]);
  return {
    ...spec,
    command: process.execPath,
    args: [forwarder, join(sockets, proxySocketName), String(forwarderPort), spec.command, ...spec.args],
    env: {
      ...spec.env,
      ...Object.fromEntries(names.map((name) => [name, url])),
      NO_PROXY: "localhost,127.0.0.1,::1",
      no_proxy: "localhost,127.0.0.1,::1",
      // Node.js has looked at them by itself since release 24, if it is told to.
      NODE_USE_ENV_PROXY: "1",
    },
  };
}
