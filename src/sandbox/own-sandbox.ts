/**
 * What tells a built-in agent that brings a sandbox of its own to do without it, where it would not work inside of ours: then ours
 * alone holds the agent. Data only; of the built-in agents only Codex uses its own unasked.
 */

const variablesOfFamily: Readonly<Record<string, Readonly<Record<string, string>>>> = {
  // Every command would fail otherwise ("bwrap: setting up uid map"). This mode does not ask before commands, nor does its usual one.
  codex: { INITIAL_AGENT_MODE: "agent-full-access" },
};

/** Variables for the agent's environment; what its profile or its user sets goes before them. */
export function withoutOwnSandbox(family: string | undefined): Readonly<Record<string, string>> {
  return (family !== undefined && variablesOfFamily[family]) || {};
}
