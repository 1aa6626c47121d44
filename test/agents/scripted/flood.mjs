/** Many agent_message_chunk updates as fast as they are taken; each text begins with its number, counted from 0. */

// Between two batches other messages, such as session/cancel, are heard.
const batchBytes = 64 * 1024;

export async function sendFlood({ wire, sessionId, count, bytes, signal }) {
  const id = JSON.stringify(sessionId);
  const head = `{"jsonrpc":"2.0","method":"session/update","params":{"sessionId":${id},"update":{"sessionUpdate":"agent_message_chunk","content":{"type":"text","text":"`;
  const padding = "x".repeat(bytes);
  const linesPerBatch = Math.max(1, Math.floor(batchBytes / (head.length + bytes + 6)));
  for (let start = 0; start < count; start += linesPerBatch) {
    const end = Math.min(count, start + linesPerBatch);
    for (let index = start; index < end; index++)
      wire.writeLine(`${head}${`${index} ${padding}`.slice(0, bytes)}"}}}}`);
    if (!wire.flush()) await wire.drained();
    else await new Promise(setImmediate);
    signal?.throwIfAborted();
  }
}
