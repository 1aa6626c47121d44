/** `crucible acp --terminal-auth METHOD`: the agent's own login program, in the terminal that the editor opened for it. */
import { runInteractive } from "../../process/interactive.ts";
import { exitCodeOfSignal } from "../signals.ts";
import { openControl } from "../reach.ts";
import type { AcpOptions } from "./acp.ts";

/** Resolves to the exit code of the login program. */
export async function logIn(options: AcpOptions & { method: string }): Promise<number> {
  const { agent, method, config, socket, noAutostart } = options;
  const login = await askHow();
  const env = { ...login.env, ...ownTerminal() };
  const exit = await runInteractive({ label: `the login of ${agent ?? "the agent"}`, ...login, env });
  return exit.code ?? exitCodeOfSignal(exit.signal);

  async function askHow() {
    using control = await openControl({ socket, config, autostart: !noAutostart });
    // Awaited here: the connection is closed when this returns.
    return await control.request("terminal_auth", { agent, method });
  }
}

const terminalVariables =
  /^(?:TERM(?:_.*)?|COLORTERM|COLUMNS|LINES|LANG|LC_.*|DISPLAY|WAYLAND_DISPLAY|BROWSER|SSH_.*)$/;

// The environment comes from the daemon, which has no terminal and may have been started elsewhere.
function ownTerminal(): Record<string, string> {
  const own = Object.entries(process.env).filter((entry): entry is [string, string] =>
    terminalVariables.test(entry[0]),
  );
  return Object.fromEntries(own);
}
