/** A home of its own for one test: an empty folder in which configuration files are written, removed when the test ends. */
import { mkdirSync, mkdtempSync, realpathSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { onTestFinished } from "vitest";
import { CrucibleError } from "../../../src/base/errors.ts";
import type { Config } from "../../../src/config/config.ts";
import { loadConfig } from "../../../src/config/load.ts";
import type { ConfigRequest } from "../../../src/config/locate.ts";

export interface ConfigFolder {
  readonly root: string;
  /** Writes a file below the root and returns its path. */
  write(name: string, content: string | Uint8Array): string;
  /** A request that sees nothing outside this folder. */
  request(facts?: Partial<ConfigRequest>): ConfigRequest;
}

export function configFolder(): ConfigFolder {
  const root = realpathSync(mkdtempSync(join(tmpdir(), "crucible-config-")));
  onTestFinished(() => rmSync(root, { recursive: true, force: true }));
  return {
    root,
    write(name, content) {
      const file = join(root, name);
      mkdirSync(dirname(file), { recursive: true });
      writeFileSync(file, content);
      return file;
    },
    request: ({ env, ...facts } = {}) => ({ cwd: root, handStarted: false, ...facts, env: { HOME: root, ...env } }),
  };
}

/** Loads a file with this text. */
export function load(toml: string, env: Record<string, string> = {}): Config {
  const folder = configFolder();
  return loadConfig(folder.request({ file: folder.write("crucible.toml", toml), env }));
}

/** The error that loading a file with this text gives, its path shortened to `crucible.toml`. */
export function loadError(toml: string, env: Record<string, string> = {}): CrucibleError & { shown: string } {
  const folder = configFolder();
  const file = folder.write("crucible.toml", toml);
  const error = errorOf(() => loadConfig(folder.request({ file, env })));
  return Object.assign(error, { shown: error.message.replaceAll(file, "crucible.toml") });
}

/** The CrucibleError that a call throws. */
export function errorOf(call: () => unknown): CrucibleError {
  try {
    call();
  } catch (error) {
    if (error instanceof CrucibleError) return error;
    throw error;
  }
  throw new Error("expected an error, got none");
}
