/** Reading a whole conversation from the store, in pages. */
import type { RelayedMessage, Store } from "./records.ts";

/** Messages read from the store at a time. */
const pageSize = 500;

/** All that was relayed in a session, in order. */
export function* storedMessages(store: Store, sessionId: string): Generator<RelayedMessage> {
  for (let after = 0; ;) {
    const page = store.messagesOf(sessionId, { after, limit: pageSize });
    yield* page;
    const last = page.at(-1);
    if (!last || page.length < pageSize) return;
    after = last.number;
  }
}
