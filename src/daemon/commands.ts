/**
 * Starts the commands that child sessions run in terminals: on this machine, recorded and ended like agents. What a command
 * prints on either output comes in its own order over stdout; it has no input.
 */
import type { Command, StartCommand } from "../kiln/terminals.ts";
import type { Launcher } from "../process/child.ts";
import type { AgentPrograms } from "./agent-programs.ts";

export function commandStarter({ launcher, programs }: { launcher: Launcher; programs: AgentPrograms }): StartCommand {
  return async ({ profile }, command) => {
    const own = await programs.commandEnvironment(profile, command.cwd);
    return launcher({
      label: `a command of ${profile.name}`,
      command: "/bin/sh",
      args: ["-c", 'exec "$@" </dev/null 2>&1', "sh", ...programOf(command)],
      cwd: command.cwd,
      env: { ...own, ...command.env },
    });
  };
}

/** Some agents give a program and its arguments, some a line for a shell. */
function programOf({ words }: Command): readonly string[] {
  const [line] = words;
  return words.length > 1 || /^[\w@%+=:,./~-]+$/.test(line) ? words : ["/bin/sh", "-c", line];
}
