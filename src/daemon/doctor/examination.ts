/** What every check of the doctor is given, and how an expected failure is read. */
import { CrucibleError } from "../../base/errors.ts";
import type { Environment } from "../../base/paths.ts";
import type { Config } from "../../config/config.ts";

export interface Examination {
  /** Undefined when it cannot be read; what depends on it is not looked at then. */
  config: Config | undefined;
  socketPath: string;
  stateDirectory: string;
  env: Environment;
  /** Hears what is being looked at now. */
  onProgress: (what: string) => void;
  /** Ends the examination, and what it has started. */
  signal: AbortSignal;
}

/** What was expected to go wrong; a mistake of our own goes on. */
export function explained(error: unknown): { code: string; message: string; hint: string | undefined } {
  if (!(error instanceof CrucibleError)) throw error;
  const { code, message, hint } = error;
  return { code, message, hint };
}
