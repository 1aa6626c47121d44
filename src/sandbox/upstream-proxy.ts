/**
 * The proxy that the daemon's own environment names, as some networks ask for: which one stands before a destination
 * (HTTP_PROXY, HTTPS_PROXY, ALL_PROXY, NO_PROXY, in capitals or small), and a tunnel through it. What may be reached is
 * not decided here.
 */
import { request } from "node:http";
import type { Socket } from "node:net";
import type { Environment } from "../base/paths.ts";
import type { Destination } from "./network-rule.ts";

/** Of the two, the kind of way that a program asks for: a request, or a tunnel. */
export type WayKind = "http" | "https";

/** Undefined if the destination is reached directly. A proxy that is not spoken to in plain HTTP counts as none. */
export function upstreamFor(env: Environment, kind: WayKind, destination: Destination): URL | undefined {
  const named = valueOf(env, `${kind}_proxy`) ?? valueOf(env, "all_proxy");
  if (named === undefined || isExempt(valueOf(env, "no_proxy") ?? "", destination)) return undefined;
  const url = named.includes("://") ? named : `http://${named}`;
  return URL.canParse(url) && url.startsWith("http://") ? new URL(url) : undefined;
}

/** How the proxy itself is reached, for a request of `node:http`. */
export function placeOf(upstream: URL): { host: string; port: number; headers: Record<string, string> } {
  const { hostname, port, username, password } = upstream;
  const login = Buffer.from(`${decodeURIComponent(username)}:${decodeURIComponent(password)}`).toString("base64");
  return {
    host: hostname.replace(/^\[|\]$/g, ""),
    port: Number(port || 80),
    headers: username === "" ? {} : { "proxy-authorization": `Basic ${login}` },
  };
}

/** Resolves once the proxy has agreed; rejects with what it answered instead. */
export function tunnelThrough(
  upstream: URL,
  { host, port }: Destination,
  options: { timeoutMs: number; signal: AbortSignal },
): Promise<Socket> {
  const authority = `${host.includes(":") ? `[${host}]` : host}:${port}`;
  const place = placeOf(upstream);
  return new Promise((resolve, reject) => {
    const asked = request({
      ...place,
      method: "CONNECT",
      path: authority,
      headers: { ...place.headers, host: authority },
      timeout: options.timeoutMs,
      signal: options.signal,
      agent: false,
    });
    asked.once("connect", ({ statusCode = 0, statusMessage }, socket, head) => {
      if (statusCode >= 200 && statusCode < 300) {
        if (head.length > 0) socket.unshift(head);
        resolve(socket);
        return;
      }
      // Whatever is said on a connection that it has refused would be another question to it.
      socket.destroy();
      reject(new Error(`the proxy ${upstream.host} answered ${statusCode} ${statusMessage ?? ""}`.trimEnd()));
    });
    asked.once("response", ({ statusCode }) => {
      asked.destroy();
      reject(new Error(`the proxy ${upstream.host} answered ${statusCode}`));
    });
    asked.once("timeout", () => asked.destroy(new Error(`the proxy ${upstream.host} took too long`)));
    asked.once("error", reject);
    asked.end();
  });
}

/** An entry fits a host and all below it; `*` fits everything. */
function isExempt(list: string, { host, port }: Destination): boolean {
  const asked = host.toLowerCase();
  return list
    .toLowerCase()
    .split(/[\s,]+/)
    .filter((entry) => entry !== "")
    .some((entry) => {
      const [, name = "", ownPort] = /^\*?\.?(.*?)(?::(\d+))?$/.exec(entry) ?? [];
      const isPort = ownPort === undefined || Number(ownPort) === port;
      return isPort && (entry === "*" || asked === name || asked.endsWith(`.${name}`));
    });
}

function valueOf(env: Environment, name: string): string | undefined {
  return env[name] || env[name.toUpperCase()] || undefined;
}
