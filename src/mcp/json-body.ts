/**
 * Reads the body of an HTTP request as JSON within limits: so many bytes, so deep, so many messages. Knows nothing of what the
 * messages say.
 */
import type { IncomingMessage } from "node:http";
import { isDeeperThan } from "../base/json-depth.ts";

/** Largest request body, in bytes: tasks and contexts are text. */
export const maxBodyBytes = 4 * 1024 * 1024;

/** Deepest nesting of a request's JSON. */
export const maxJsonDepth = 100;

/** Messages in one request (JSON-RPC 2.0, "Batch"). */
export const maxBatchMessages = 100;

/** A body that is not read on, with the HTTP status that says why. */
export interface RefusedBody {
  status: 400 | 413;
  message: string;
}

/** Undefined when the caller went away before it had said all. */
export async function readJsonBody(
  request: IncomingMessage,
): Promise<{ json: unknown } | { refused: RefusedBody } | undefined> {
  const chunks: Buffer[] = [];
  let bytes = 0;
  try {
    for await (const chunk of request as AsyncIterable<Buffer>) {
      bytes += chunk.length;
      if (bytes <= maxBodyBytes) chunks.push(chunk);
      // Some more is read and thrown away, so that the client is done sending and hears why.
      else if (bytes > 2 * maxBodyBytes) break;
    }
  } catch (error) {
    if (request.destroyed) return undefined;
    throw error;
  }
  if (bytes > maxBodyBytes) return { refused: tooLarge(`at most ${maxBodyBytes} bytes`) };
  return parsed(Buffer.concat(chunks).toString("utf8"));
}

function parsed(text: string): { json: unknown } | { refused: RefusedBody } {
  if (isDeeperThan(text, maxJsonDepth)) return { refused: tooLarge(`at most ${maxJsonDepth} levels of JSON`) };
  try {
    const json = JSON.parse(text) as unknown;
    const isTooMany = Array.isArray(json) && json.length > maxBatchMessages;
    return isTooMany ? { refused: tooLarge(`at most ${maxBatchMessages} messages`) } : { json };
  } catch {
    return { refused: { status: 400, message: "expected a JSON-RPC message" } };
  }
}

function tooLarge(what: string): RefusedBody {
  return { status: 413, message: `a request may have ${what}` };
}
