/** The proxy for agents whose network is a list of hosts, opened when the first of them starts. */
import { join } from "node:path";
import { Lazy } from "../base/lazy.ts";
import type { Environment } from "../base/paths.ts";
import type { NetworkRule } from "../config/config.ts";
import type { Bus } from "../observe/bus.ts";
import { openProxy } from "../sandbox/proxy.ts";
import { proxySocketName } from "../sandbox/way-out.ts";

/** Hosts that were refused and told in the log, each once; an agent may ask for as many as it likes. */
export const maxToldRefusals = 1000;

export interface WayOutParts {
  /** The rule in force. */
  network: () => NetworkRule;
  /** Opens the folder of sockets that agents in a sandbox are given, and gives its path. */
  openSockets: () => Promise<string>;
  bus: Bus;
  env?: Environment;
}

export interface WayOut {
  /** Resolves to the folder of its socket. */
  open(): Promise<string>;
  close(): Promise<void>;
}

export function createWayOut({ network, openSockets, bus, env = process.env }: WayOutParts): WayOut {
  const told = new Set<string>();
  const onRefused = (message: string): void => {
    if (told.has(message) || told.size >= maxToldRefusals) return;
    told.add(message);
    bus.emit("warning", { where: "network", message });
    if (told.size < maxToldRefusals) return;
    bus.emit("warning", { where: "network", message: "hosts that are refused from now on are not told any more" });
  };

  const opened = new Lazy(async () => {
    const folder = await openSockets();
    const path = join(folder, proxySocketName);
    return { folder, proxy: await openProxy({ path, rules: () => listOf(network()), onRefused, env }) };
  });

  return {
    open: async () => (await opened.get()).folder,
    close: async () => (await opened.opened())?.proxy.close(),
  };
}

/** A network that has been opened or closed since lets nothing more through here: its agents start anew without the proxy. */
function listOf(network: NetworkRule): readonly string[] {
  return typeof network === "string" ? [] : network;
}
