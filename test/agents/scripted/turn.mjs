/**
 * One prompt turn: finds the directives among the lines of the prompt and runs them in order. Lines that are no directive
 * are ignored; a prompt (and `--script`) without any is echoed.
 */
import { setMaxListeners } from "node:events";
import { directives } from "./directives.mjs";
import { RpcError } from "./wire.mjs";

const cancelled = Symbol("session/cancel");
const requestCancelled = new RpcError(-32800, "Request cancelled");

/** Answer of session/prompt. */
export async function runTurn({ session, prompt, id, wire, options }) {
  if (session.turn) throw new RpcError(-32600, `session ${session.id} is already in a turn`);
  const abort = new AbortController();
  // Many delegations at once all listen to the one signal of the turn.
  setMaxListeners(0, abort.signal);
  session.turn = {
    id,
    cancel: () => abort.abort(cancelled),
    cancelRequest: () => abort.abort(requestCancelled),
  };
  session.heard(prompt);
  const turn = createTurn({ session, prompt, wire, options, signal: abort.signal });
  try {
    const script = scriptOf(prompt, options.script);
    if (script.length === 0) turn.say(`echo: ${texts(prompt).at(-1) ?? ""}`);
    for (const step of script) {
      abort.signal.throwIfAborted();
      await runStep(step, turn);
      if (turn.stopReason) break;
    }
    abort.signal.throwIfAborted();
    return answer(turn, turn.stopReason ?? "end_turn");
  } catch (error) {
    if (error === cancelled) return answer(turn, "cancelled");
    throw error;
  } finally {
    session.turn = undefined;
    session.remember();
  }
}

function createTurn({ session, prompt, wire, options, signal }) {
  let saidBefore = false;
  return {
    session,
    prompt,
    wire,
    options,
    signal,
    stopReason: undefined,
    usage: undefined,
    update: (update) => session.update(update),

    /** One agent_message_chunk. What is said after something else begins on a new line. */
    say(text) {
      const content = { type: "text", text: saidBefore ? `\n${text}` : text };
      saidBefore = true;
      session.update({ sessionUpdate: "agent_message_chunk", content });
    },
    sayJson(value) {
      this.say(JSON.stringify(value ?? null));
    },
    /** A tool call stands between two messages. */
    startNewMessage: () => void (saidBefore = false),

    /** A request to the client; an error is a value here, because scripts say it. */
    async ask(method, params) {
      try {
        return await wire.request(method, params, signal);
      } catch (error) {
        if (signal.aborted) throw signal.reason;
        return { error };
      }
    },
  };
}

function answer(turn, stopReason) {
  return turn.usage ? { stopReason, usage: turn.usage } : { stopReason };
}

function scriptOf(prompt, fallback) {
  const script = parse(texts(prompt).join("\n"));
  return script.length > 0 || !fallback ? script : parse(fallback.replaceAll("\\n", "\n"));
}

function parse(text) {
  return text.split("\n").flatMap((line) => {
    const [, name, rest] = /^\s*([a-z-]+)(?:\s+(.*?))?\s*$/.exec(line) ?? [];
    return name !== undefined && Object.hasOwn(directives, name) ? [{ line, name, rest: rest ?? "" }] : [];
  });
}

async function runStep({ line, name, rest }, turn) {
  try {
    await directives[name](rest, turn);
  } catch (error) {
    if (!(error instanceof SyntaxError)) throw error;
    throw new RpcError(-32602, `the scripted agent cannot read ${JSON.stringify(line)}: ${error.message}`);
  }
}

const texts = (prompt) => prompt.filter(({ type }) => type === "text").map(({ text }) => text);
