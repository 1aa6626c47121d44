/**
 * What agents tell of their tool calls before they ask about them (ACP, "Tool Calls"): some name the command or the tool there and
 * nowhere else. Bounded, and without the texts that go into files.
 */
import { isRecord } from "../acp/wire.ts";
import { maxCommandCharacters } from "./command-line.ts";

/** Tool calls of one session that are remembered until they end; the oldest goes first when there are more. */
export const maxSeenCalls = 200;

const told = ["title", "kind", "name", "rawInput", "locations", "content", "_meta"];
const over: ReadonlySet<unknown> = new Set(["completed", "failed"]);

export class SeenCalls {
  readonly #calls = new Map<string, Record<string, unknown>>();

  /** Takes the params of a `session/update`. */
  note(params: unknown): void {
    const update = isRecord(params) ? params["update"] : undefined;
    if (!isRecord(update) || !/^tool_call(_update)?$/.test(String(update["sessionUpdate"]))) return;
    const id = update["toolCallId"];
    if (typeof id !== "string") return;
    if (over.has(update["status"])) return void this.#calls.delete(id);
    const news = Object.fromEntries(
      told.flatMap((field) => (isSaid(update[field]) ? [[field, lightened(field, update[field])]] : [])),
    );
    this.#calls.set(id, { ...this.#calls.get(id), ...news });
    if (this.#calls.size > maxSeenCalls) this.#calls.delete(this.#calls.keys().next().value!);
  }

  /** What is known of the call that a question names; empty when nothing is. */
  of(question: unknown): Readonly<Record<string, unknown>> {
    const call = isRecord(question) ? question["toolCall"] : undefined;
    const id = isRecord(call) ? call["toolCallId"] : undefined;
    return (typeof id === "string" ? this.#calls.get(id) : undefined) ?? {};
  }
}

function isSaid(value: unknown): boolean {
  return value !== undefined && value !== null && !(isRecord(value) && Object.keys(value).length === 0);
}

function lightened(field: string, value: unknown): unknown {
  if (field === "content") {
    const blocks = Array.isArray(value) ? value.filter(isRecord) : [];
    return blocks.filter(({ type }) => type === "diff").map(({ type, path }) => ({ type, path }));
  }
  if (field !== "rawInput" || !isRecord(value)) return value;
  const isLight = (one: unknown): boolean => typeof one !== "string" || one.length <= maxCommandCharacters;
  return Object.fromEntries(
    Object.entries(value).map(([name, one]) => [
      name,
      isLight(one) ? one : String(one).slice(0, maxCommandCharacters + 1),
    ]),
  );
}
