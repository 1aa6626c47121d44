/**
 * Whether an HTTP request was really meant for a door on loopback, judged before anything else of it is looked at. A page in a
 * browser can be made to send requests here: by a name that suddenly resolves to this machine (DNS rebinding, then the Host
 * is that name) or straight away (then the Origin is that page's). Knows no token.
 */
import type { IncomingMessage } from "node:http";

const loopbackHost = /^(?:localhost|127\.0\.0\.1|\[::1\])(?::(\d{1,5}))?$/i;
const loopbackOrigin = /^https?:\/\/(?:localhost|127\.0\.0\.1|\[::1\])(?::\d{1,5})?$/i;
const defaultPort = 80;

/**
 * Why the request is refused; undefined if it is not. Its one Host has to be a name of loopback with this very port. An Origin
 * may only be loopback's: no page is answered with the headers (CORS) that it would need to show a token.
 */
export function foreignCaller({ headersDistinct }: IncomingMessage, port: number): string | undefined {
  const { host = [], origin = [] } = headersDistinct;
  if (host.length !== 1 || portOf(host[0] ?? "") !== port) return `expected the Host 127.0.0.1:${port}`;
  return origin.every((one) => loopbackOrigin.test(one)) ? undefined : "a page from elsewhere may not ask this";
}

/** Undefined for a host that is not loopback. */
function portOf(host: string): number | undefined {
  const match = loopbackHost.exec(host);
  return match ? Number(match[1] ?? defaultPort) : undefined;
}
