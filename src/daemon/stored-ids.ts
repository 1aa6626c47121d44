/** Ids as people write them: whole, without `ses_` or `del_`, or only so much of them as fits no other. */
import { oneLine } from "../base/text.ts";
import { recordUnknown } from "../sessions/errors.ts";
import type { Store } from "../sessions/records.ts";

const idsNamed = 5;

/** The one id of a stored session or delegation that is meant. Throws CRU_SESSION_UNKNOWN. */
export function resolveId(given: string, store: Store): string {
  const beginnings = /^(ses|del)_/.test(given) ? [given] : [given, `ses_${given}`, `del_${given}`];
  const ids = [...new Set(beginnings.flatMap((beginning) => store.idsBeginning(beginning, idsNamed)))];
  const [id, ...others] = ids.includes(given) ? [given] : ids;
  if (id === undefined || others.length > 0) throw notOne(given, ids);
  return id;
}

function notOne(given: string, ids: readonly string[]): Error {
  const text = oneLine(given, 120);
  if (ids.length === 0) {
    return recordUnknown.create(`no session or delegation ${JSON.stringify(text)} is stored`, {
      hint: "`crucible sessions list` shows what is",
    });
  }
  return recordUnknown.create(`${JSON.stringify(text)} is the beginning of several ids: ${ids.join(", ")}`, {
    hint: "write more of it",
  });
}
