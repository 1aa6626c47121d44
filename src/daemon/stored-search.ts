/**
 * Looking for a text in what is stored of a session: title, directory, delegations, and what was said and done. There is no index
 * (docs/design/search.md): SQLite reads through one session at a time for where it may stand, and what is near is looked at.
 */
import { messageText } from "../acp/content-text.ts";
import { oneLine } from "../base/text.ts";
import type { SessionRecord, Store } from "../sessions/records.ts";
import { isShownNote } from "../sessions/shown-notes.ts";

const wordsLength = 120;

/** The words around a text, whatever their case, where it stands first; undefined if it does not. */
export function placeOf(text: string, record: SessionRecord, store: Store): string | undefined {
  const wanted = text.toLowerCase();
  const has = (value: string): boolean => value.toLowerCase().includes(wanted);
  const inDelegations = (): string | undefined =>
    store
      .delegationsOf(record.id)
      .flatMap(({ title, task, result }) => [title, task, result])
      .find(has);
  const inConversation = (): string | undefined => {
    for (let after = 0; ;) {
      const near = store.messagesNear(record.id, text, after);
      // What a card says stands in its delegation as well.
      const found = near.flatMap((one) => (isShownNote(one) ? [] : messageText(one.method, one.params))).find(has);
      const last = near.at(-1);
      if (found !== undefined || !last) return found;
      after = last.number;
    }
  };
  const place = [record.title, record.cwd].find(has) ?? inDelegations() ?? inConversation();
  return place === undefined ? undefined : around(place, wanted);
}

/** The line of a text in which the wanted words stand, cut around them. */
function around(text: string, wanted: string): string {
  const at = text.toLowerCase().indexOf(wanted);
  const begin = Math.max(0, at - wordsLength / 3);
  return (begin > 0 ? "…" : "") + oneLine(text.slice(begin, begin + 4 * wordsLength), wordsLength);
}
