/**
 * Writing to the standard output and the standard error. A reader that has gone (`crucible ps | head -1`) is no error: what
 * it does not want to read is not said.
 */
import { isSystemError, messageOf } from "../base/errors.ts";
import { plainJson } from "../base/text.ts";
import { outputFailed } from "./errors.ts";

/** Data, on stdout. Resolves when it is written. Rejects with CRU_OUTPUT_FAILED. */
export function print(text: string): Promise<void> {
  return write(process.stdout, text);
}

/** One JSON document on stdout, for scripts; what agents said in it cannot command a terminal either. */
export function printJson(value: unknown): Promise<void> {
  return print(`${plainJson(JSON.stringify(value, null, 2))}\n`);
}

/** Everything that is not data, on stderr. Never rejects: there is no other place on which it could be told. */
export function tell(text: string): Promise<void> {
  return write(process.stderr, text).catch(() => {});
}

function write(stream: NodeJS.WriteStream, text: string): Promise<void> {
  return new Promise((resolve, reject) => {
    const fail = (error: Error): void => {
      if (isSystemError(error, "EPIPE", "ERR_STREAM_DESTROYED")) return resolve();
      reject(outputFailed.create(`cannot write the output: ${messageOf(error)}`, { cause: error }));
    };
    stream.once("error", fail);
    stream.write(text, (error) => {
      // The stream reports a failed write once more as an event, which must find a listener.
      if (error) return fail(error);
      stream.off("error", fail);
      resolve();
    });
  });
}
