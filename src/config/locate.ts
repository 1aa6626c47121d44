/**
 * Decides which configuration file counts. The directory a program was started in is looked at only for a daemon that a
 * person started there: a cloned repository must not be able to start programs.
 */
import { statSync } from "node:fs";
import { join, resolve } from "node:path";
import { isSystemError } from "../base/errors.ts";
import { defaultConfigFile, expandHome, type Environment } from "../base/paths.ts";
import { configNotFound, configUnreadable } from "./errors.ts";

export interface ConfigRequest {
  /** The value of --config. */
  readonly file?: string | undefined;
  readonly env: Environment;
  readonly cwd: string;
  /** True only for `crucible serve` started by a person: then `./crucible.toml` counts too. */
  readonly handStarted: boolean;
}

export interface LocatedConfig {
  /** Absolute path of a file that exists. */
  readonly file: string;
  /** Why this one. */
  readonly because: "--config" | "$CRUCIBLE_CONFIG" | "default" | "./crucible.toml";
}

/**
 * The file to read, or undefined when there is none. Throws CRU_CONFIG_NOT_FOUND if a file that was named does not exist,
 * and CRU_CONFIG_UNREADABLE if it cannot be told.
 */
export function locateConfig(request: ConfigRequest): LocatedConfig | undefined {
  const { env, cwd } = request;
  const fromEnvironment = env["CRUCIBLE_CONFIG"];
  if (request.file !== undefined) return named({ file: resolve(cwd, request.file), because: "--config" });
  if (fromEnvironment) {
    return named({ file: resolve(cwd, expandHome(fromEnvironment, env)), because: "$CRUCIBLE_CONFIG" });
  }

  const candidates: LocatedConfig[] = [{ file: defaultConfigFile(env), because: "default" }];
  if (request.handStarted) candidates.push({ file: join(cwd, "crucible.toml"), because: "./crucible.toml" });
  return candidates.find(({ file }) => exists(file));
}

function named(config: LocatedConfig): LocatedConfig {
  if (exists(config.file)) return config;
  const source = config.because === "--config" ? "named by --config" : "named by $CRUCIBLE_CONFIG";
  throw configNotFound.create(`the configuration file ${config.file}, ${source}, does not exist`, {
    hint: `Correct the path or create the file; without ${config.because} the built-in profiles work with no file at all`,
    details: { file: config.file },
  });
}

function exists(file: string): boolean {
  try {
    statSync(file);
    return true;
  } catch (error) {
    if (isSystemError(error, "ENOENT", "ENOTDIR")) return false;
    throw configUnreadable.create(`cannot look at the configuration file ${file}: ${systemReason(error)}`, {
      hint: "Give yourself access to the file and the directories above it, or name another file with --config",
      details: { file },
      cause: error,
    });
  }
}

/** `permission denied`, or the code of the system error. */
export function systemReason(error: unknown): string {
  if (isSystemError(error, "EACCES", "EPERM")) return "permission denied";
  return error instanceof Error ? error.message : String(error);
}
