/**
 * The two ways in which a model API answers over HTTP: one JSON object, or a stream of server-sent events.
 */

/**
 * How the server hands an answer to a dialect, piece by piece.
 * @typedef {object} Writer
 * @property {(piece: string) => void} text
 * @property {(call: import("./tool-choice.mjs").ToolCall) => void} call
 * @property {() => void} end
 */

/** @param {import("node:http").ServerResponse} response */
export function sendJson(response, status, value) {
  response.writeHead(status, { "content-type": "application/json" });
  response.end(JSON.stringify(value));
}

/**
 * @param {import("node:http").ServerResponse} response
 * @param {{ named?: boolean }} [options] whether each event carries its type in an `event:` line
 * @returns {(event: object) => void}
 */
export function startEventStream(response, options = {}) {
  response.writeHead(200, { "content-type": "text/event-stream", "cache-control": "no-cache" });
  return (event) => {
    const title = options.named ? `event: ${event.type}\n` : "";
    response.write(`${title}data: ${JSON.stringify(event)}\n\n`);
  };
}
