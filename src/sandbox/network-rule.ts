/** Which hosts a `[kiln] network` list means, and which addresses are never meant by any name. Pure decisions. */
import { BlockList, isIP } from "node:net";

export interface Destination {
  readonly host: string;
  readonly port: number;
}

/** What a host without a port in the list stands for. */
const usualPorts = new Set([80, 443]);

/** Whether an entry of the list fits: `HOST`, `*.DOMAIN` (what lies below it), each with or without `:PORT`. */
export function allows(rules: readonly string[], { host, port }: Destination): boolean {
  const asked = host.toLowerCase().replace(/\.$/, "");
  return rules.some((rule) => {
    const [, pattern = "", ownPort] = /^(.*?)(?::(\d+))?$/.exec(rule.toLowerCase()) ?? [];
    const isPort = ownPort === undefined ? usualPorts.has(port) : port === Number(ownPort);
    const isHost = pattern.startsWith("*.") ? asked.endsWith(pattern.slice(1)) : asked === pattern;
    return isPort && isHost;
  });
}

/** `HOST:PORT` of a CONNECT request; undefined if it is something else, such as a name that another proxy may read otherwise. */
export function destinationOf(authority: string): Destination | undefined {
  const [, bracketed, plain, digits] = /^(?:\[([0-9a-f:.]+)\]|([\w.-]+)):(\d{1,5})$/i.exec(authority) ?? [];
  const host = bracketed ?? plain;
  const port = Number(digits);
  return host === undefined || port < 1 || port > 65_535 ? undefined : { host, port };
}

/**
 * Addresses that a name of the outside may not lead to, whoever answers for the name: this machine itself and what is only
 * reachable because it is near. `own` = the addresses of this machine.
 */
export function nearAddresses(own: readonly string[]): BlockList {
  const near = new BlockList();
  near.addSubnet("0.0.0.0", 8, "ipv4");
  near.addSubnet("127.0.0.0", 8, "ipv4");
  near.addSubnet("169.254.0.0", 16, "ipv4");
  near.addSubnet("224.0.0.0", 3, "ipv4");
  near.addAddress("::", "ipv6");
  near.addAddress("::1", "ipv6");
  near.addSubnet("fe80::", 10, "ipv6");
  near.addSubnet("ff00::", 8, "ipv6");
  for (const address of own) near.addAddress(withoutZone(address), isIP(withoutZone(address)) === 6 ? "ipv6" : "ipv4");
  return near;
}

/** An IPv4 address in the clothes of IPv6 counts as what it is. */
export function isNear(near: BlockList, address: string): boolean {
  const plain = withoutZone(address);
  const mapped = /^::ffff:(\d+\.\d+\.\d+\.\d+)$/i.exec(plain)?.[1];
  if (mapped !== undefined) return near.check(mapped, "ipv4");
  return isIP(plain) === 6 ? near.check(plain, "ipv6") : near.check(plain, "ipv4");
}

function withoutZone(address: string): string {
  return address.replace(/%.*$/, "");
}
