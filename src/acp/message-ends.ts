/**
 * What can be told of a message of which only the two ends are there, because the whole was too long: whom an answer is for, or
 * which request was made. Reads no more than that, and says nothing where it could be wrong.
 */
import type { RequestId } from "./wire.ts";

/** The first and the last bytes of a line, as text. */
export interface LineEnds {
  readonly head: string;
  readonly tail: string;
}

export interface MessageEnds {
  kind: "request" | "answer" | "notification" | "unknown";
  /** Undefined when it could not be read. */
  id: RequestId | undefined;
  method: string | undefined;
}

// A member whose value is a text or a number, and whatever comes after it; or the name of one that holds more.
const member = /^\s*,?\s*"((?:[^"\\]|\\.)*)"\s*:\s*(?:("(?:[^"\\]|\\.)*"|-?\d+(?:\.\d+)?|null)(?=\s*[,}])|)/;
// One closing brace at the end closes the message itself, so that what stands before it is a member of it.
const lastId = /"id"\s*:\s*("(?:[^"\\]|\\.)*"|-?\d+|null)\s*\}\s*$/;

/** Reads the members before the first one that is cut off, and the id where it is the last. */
export function messageEnds({ head, tail }: LineEnds): MessageEnds {
  const members = new Map<string, unknown>();
  let rest = head.replace(/^\s*\{/, "");
  for (let match = member.exec(rest); match; match = member.exec(rest)) {
    const [whole, name = "", value] = match;
    members.set(name, valueOf(value));
    if (value === undefined) break;
    rest = rest.slice(whole.length);
  }
  const id = members.has("id") ? members.get("id") : valueOf(lastId.exec(tail)?.[1]);
  const method = members.get("method");
  return {
    kind: kindOf(members, id),
    id: id as RequestId | undefined,
    method: typeof method === "string" ? method : undefined,
  };
}

/** Undefined for what looks like a value and is none: whoever sends too much may send anything. */
function valueOf(json: string | undefined): unknown {
  try {
    return json === undefined ? undefined : JSON.parse(json);
  } catch {
    return undefined;
  }
}

function kindOf(members: ReadonlyMap<string, unknown>, id: unknown): MessageEnds["kind"] {
  if (members.has("result") || members.has("error")) return "answer";
  if (!members.has("method")) return "unknown";
  return id === undefined ? "notification" : "request";
}
