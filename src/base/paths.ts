/**
 * Where Crucible keeps its things, by the XDG Base Directory specification: configuration, state and socket.
 * Only names are decided here; nothing is created or looked at.
 */
import { userInfo } from "node:os";
import { dirname, isAbsolute, join, relative } from "node:path";

export type Environment = Readonly<Record<string, string | undefined>>;

/** The user's home, `$HOME` first, so that a test or a service can set it. Absolute: else each program would have another one. */
export function homeDirectory(env: Environment = process.env): string {
  const named = env["HOME"];
  return named && isAbsolute(named) ? named : homeOfAccount();
}

function homeOfAccount(): string {
  try {
    return userInfo().homedir;
  } catch {
    // A user without an account, as in some containers.
    return "/";
  }
}

/** `$XDG_CONFIG_HOME/crucible/crucible.toml`. */
export function defaultConfigFile(env: Environment = process.env): string {
  return join(xdg(env, "XDG_CONFIG_HOME", ".config"), "crucible", "crucible.toml");
}

/** `$XDG_STATE_HOME/crucible`: log, journal, store. */
export function stateDirectory(env: Environment = process.env): string {
  return join(xdg(env, "XDG_STATE_HOME", ".local/state"), "crucible");
}

/** `log/daemon.log` in the state folder: what the daemon writes, the newest part of it. */
export function daemonLogFile(env: Environment = process.env): string {
  return join(stateDirectory(env), "log", "daemon.log");
}

/** `$XDG_RUNTIME_DIR/crucible/daemon.sock`, else in the state folder. */
export function defaultSocketPath(env: Environment = process.env): string {
  const runtime = env["XDG_RUNTIME_DIR"];
  if (runtime && isAbsolute(runtime)) return join(runtime, "crucible", "daemon.sock");
  return join(stateDirectory(env), "daemon.sock");
}

/** Where Crucible keeps what agents have no business with: its configuration, its state, its socket. */
export function ownFolders(env: Environment = process.env): string[] {
  return [dirname(defaultConfigFile(env)), stateDirectory(env), dirname(defaultSocketPath(env))];
}

/** `~` and `~/x` with the home put in; any other text unchanged. */
export function expandHome(path: string, env: Environment = process.env): string {
  if (path === "~") return homeDirectory(env);
  return path.startsWith("~/") ? join(homeDirectory(env), path.slice(2)) : path;
}

/** True if `path` is `root` or lies below it. Both absolute and without links. */
export function isInside(root: string, path: string): boolean {
  const steps = relative(root, path);
  return steps === "" || (steps !== ".." && !steps.startsWith("../") && !isAbsolute(steps));
}

// The specification says that relative values are to be ignored.
function xdg(env: Environment, name: string, fallback: string): string {
  const value = env[name];
  return value && isAbsolute(value) ? value : join(homeDirectory(env), fallback);
}
