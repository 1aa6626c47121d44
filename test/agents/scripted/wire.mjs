/**
 * JSON-RPC 2.0 as lines of JSON: reads messages, answers requests through the served methods, sends requests of its own.
 * Everything sent within one tick goes out in one write. Knows nothing of ACP.
 */
import { appendFileSync } from "node:fs";

/** An error that goes to the other side as it is. */
export class RpcError extends Error {
  constructor(code, message, data) {
    super(message);
    this.code = code;
    this.data = data;
  }

  toJSON() {
    return { code: this.code, message: this.message, ...(this.data === undefined ? {} : { data: this.data }) };
  }
}

export function openWire({ input, output, logFile, onEnd }) {
  const waiting = new Map();
  let served;
  let lastId = 0;
  let pending = "";
  let rest = "";

  input.setEncoding("utf8");
  input.on("data", (chunk) => {
    rest += chunk;
    // A long line comes in many chunks; only the last of them is worth a look at the whole.
    if (!chunk.includes("\n")) return;
    const lines = rest.split("\n");
    rest = lines.pop();
    for (const line of lines) if (line.trim() !== "") receive(line);
  });
  input.on("end", onEnd);
  // A client that has gone needs no answers.
  output.on("error", onEnd);

  function receive(line) {
    if (logFile) appendFileSync(logFile, `${line}\n`);
    let message;
    try {
      message = JSON.parse(line);
    } catch {
      send({ jsonrpc: "2.0", id: null, error: { code: -32700, message: "expected JSON" } });
      return;
    }
    if (message.method === undefined) settle(message);
    else if (message.id === undefined) served.notification(message.method, message.params);
    else void answer(message);
  }

  async function answer({ id, method, params }) {
    try {
      const result = await served.request(method, params, id);
      send({ jsonrpc: "2.0", id, result });
    } catch (error) {
      const known = error instanceof RpcError ? error : new RpcError(-32603, error.message, { stack: error.stack });
      send({ jsonrpc: "2.0", id, error: known });
    }
  }

  function settle({ id, result, error }) {
    const request = waiting.get(id);
    waiting.delete(id);
    if (error) request?.reject(new RpcError(error.code, error.message, error.data));
    else request?.resolve(result);
  }

  function send(message) {
    writeLine(JSON.stringify(message));
  }

  function writeLine(line) {
    if (pending === "") queueMicrotask(flush);
    pending += `${line}\n`;
  }

  /** False when the other side does not keep up; `drained` then resolves once it does. */
  function flush() {
    const text = pending;
    pending = "";
    return text === "" || output.write(text);
  }

  return {
    /** @param {{ request(method, params, id), notification(method, params) }} methods */
    serve: (methods) => void (served = methods),
    notify: (method, params) => send({ jsonrpc: "2.0", method, params }),
    request(method, params, signal) {
      const id = ++lastId;
      return new Promise((resolve, reject) => {
        waiting.set(id, { resolve, reject });
        send({ jsonrpc: "2.0", id, method, params });
        signal?.addEventListener("abort", () => {
          if (waiting.delete(id)) send({ jsonrpc: "2.0", method: "$/cancel_request", params: { requestId: id } });
          reject(signal.reason);
        });
      });
    },
    writeLine,
    flush,
    drained: () => new Promise((resolve) => output.once("drain", resolve)),
  };
}
