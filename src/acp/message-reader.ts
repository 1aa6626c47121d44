/**
 * Reads messages as JSON.parse does, and a stream of them in a fraction of its time: what an agent streams comes in thousands of
 * messages in a row that differ in one text and in nothing else (ACP, "Agent Message Chunk"). Of such a line only the text is
 * parsed; it is put into a copy of the message before. What no text can change is looked at once.
 */
import { isRecord } from "./wire.ts";

type Streamed = { params: { update: { content: { text: string } } } };

/** What messages of a stream have in common: all that stands in the line before the text and behind it, and what that says. */
interface Frame {
  head: string;
  tail: string;
  message: Streamed;
}

export class MessageReader {
  #frame: Frame | undefined;

  /** What JSON.parse gives, but that nested objects may be those of an earlier message. Throws its SyntaxError. */
  read(line: string): unknown {
    const frame = this.#frame;
    const text = frame && textIn(line, frame);
    if (text !== undefined) return withText(frame!.message, text);
    const message: unknown = JSON.parse(line);
    this.#frame = isStreamed(message) ? frameOf(line, message) : undefined;
    return message;
  }
}

/** The text of a line in this frame; undefined for any other line. */
function textIn(line: string, { head, tail }: Frame): string | undefined {
  // Several times as fast as startsWith, for a text of this length.
  if (line.slice(0, head.length) !== head || !line.endsWith(tail)) return undefined;
  try {
    const text: unknown = JSON.parse(line.slice(head.length, -tail.length));
    return typeof text === "string" ? text : undefined;
  } catch {
    // There is more between the two than a text.
    return undefined;
  }
}

const mark = "the text";
const quotedMark = JSON.stringify(mark);

/** Undefined for a line that is not written as JSON.stringify writes it: where its text stands in it is not sure then. */
function frameOf(line: string, message: Streamed): Frame | undefined {
  const marked = withText(message, mark);
  const [head = "", tail = "", ...more] = JSON.stringify(marked).split(quotedMark);
  const frame = { head, tail, message: marked };
  return more.length === 0 && textIn(line, frame) === message.params.update.content.text ? frame : undefined;
}

function isStreamed(message: unknown): message is Streamed {
  const params = isRecord(message) ? message["params"] : undefined;
  const update = isRecord(params) ? params["update"] : undefined;
  const content = isRecord(update) ? update["content"] : undefined;
  return isRecord(content) && typeof content["text"] === "string";
}

function withText(message: Streamed, text: string): Streamed {
  const { params } = message;
  const { update } = params;
  return { ...message, params: { ...params, update: { ...update, content: { ...update.content, text } } } };
}
