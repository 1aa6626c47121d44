/** How much has passed over links: counted by them, and read by whoever wants figures. */

export interface Amount {
  messages: number;
  /** As on the wire, newlines included. */
  bytes: number;
}

export interface Traffic {
  readonly received: Amount;
  readonly sent: Amount;
}

export function noTraffic(): Traffic {
  return { received: { messages: 0, bytes: 0 }, sent: { messages: 0, bytes: 0 } };
}
