/**
 * The environment inside a sandbox: the agent's own, with its home in place of the user's, and without the names of folders
 * and proxies that are not there. An agent that finds such a name would fail on it instead of using its default below its
 * home, or would ask the proxy for what is its own.
 */
import { isInside } from "../base/paths.ts";
import type { LaunchSpec } from "../process/child.ts";
import type { Reach } from "./confinement.ts";
import { realPathOf } from "./real-paths.ts";

/** Variables that name a folder or file of settings, data or temporary things. */
const folderVariables = new Set([
  "XDG_CONFIG_HOME",
  "XDG_DATA_HOME",
  "XDG_STATE_HOME",
  "XDG_CACHE_HOME",
  "XDG_RUNTIME_DIR",
  "TMPDIR",
  "TMP",
  "TEMP",
  "CLAUDE_CONFIG_DIR",
  "CODEX_HOME",
  "CURSOR_CONFIG_DIR",
  "GEMINI_CLI_HOME",
  "OPENCODE_CONFIG",
  "OPENCODE_CONFIG_DIR",
]);

const proxyVariable = /^(?:https?|all)_proxy$/i;

export function environmentInside(
  env: LaunchSpec["env"],
  { reach, home, userHome }: { reach: Reach; home: string; userHome: string },
): Record<string, string> {
  const reached = [...reach.writable, ...reach.readable];
  const isThere = (path: string): boolean => {
    const real = realPathOf(path);
    return real !== undefined && reached.some((one) => isInside(one, real));
  };
  const kept = Object.entries(env).filter(([name, value]) => {
    if (proxyVariable.test(name)) return reach.network === "open";
    return !folderVariables.has(name) || isThere(value);
  });
  // A profile may name a home of its own, if it opens it.
  const own = env["HOME"];
  const ownHome = own !== undefined && realPathOf(own) !== userHome && isThere(own) ? own : home;
  return { ...Object.fromEntries(kept), HOME: ownHome, PWD: reach.cwd };
}
