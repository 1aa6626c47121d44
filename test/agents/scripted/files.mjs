/** Waiting for a file: how a test decides when the scripted agent goes on. */
import { existsSync } from "node:fs";

const pollMs = 5;

export function existingFile(path, signal) {
  return new Promise((resolve, reject) => {
    const look = () => {
      if (signal?.aborted) reject(signal.reason);
      else if (existsSync(path)) resolve();
      else setTimeout(look, pollMs);
    };
    look();
  });
}
