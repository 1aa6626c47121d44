/**
 * Turns a script step into a call of a tool that the agent really offers in its request: every agent has its own
 * names and argument shapes for writing a file and running a command, and its own prefix for MCP tools.
 */

/** @typedef {import("./script.mjs").Tool} Tool */
/** @typedef {import("./script.mjs").Step} Step */
/** @typedef {Tool & { id: string, args: Record<string, unknown>, input?: string }} ToolCall */

/** How each native tool wants a file written. Order is preference. */
const writers = {
  write: (file, text) => ({ filePath: file, content: text }),
  write_file: (file, text) => ({ file_path: file, content: text }),
  Write: (file, text) => ({ file_path: file, content: text }),
  apply_patch: (file, text) => patch(file, text),
  // Codex offers its patch tool only to models it knows; to others it is a program that its shell tool catches.
  exec_command: (file, text) => ({ cmd: `apply_patch <<'PATCH'\n${patch(file, text)}PATCH\n` }),
};

const patch = (file, text) => `*** Begin Patch\n*** Add File: ${file}\n+${text}\n*** End Patch\n`;

/** How each native tool wants a command run. */
const shells = {
  bash: (command) => ({ command, description: "scripted command" }),
  run_shell_command: (command) => ({ command, description: "scripted command" }),
  Bash: (command) => ({ command, description: "scripted command" }),
  exec_command: (command) => ({ cmd: command }),
  shell_command: (command) => ({ command }),
  shell: (command) => ({ command: ["sh", "-c", command] }),
};

let callCount = 0;

/**
 * @param {Step} step
 * @param {Tool[]} tools
 * @returns {ToolCall | string} the call, or a sentence saying why there is none
 */
export function chooseTool(step, tools) {
  if (step.verb === "call") return callBySuffix(step.rest, tools);
  if (step.verb === "shell") return callNative(shells, [step.rest], tools) ?? missing("shell", tools);
  const [, file, text] = /^(\S+) ?(.*)$/.exec(step.rest) ?? [];
  return callNative(writers, [file, text], tools) ?? missing("write", tools);
}

/** Matches `delegate_session` to crucible_delegate_session, mcp__crucible__delegate_session and the like. */
function callBySuffix(rest, tools) {
  const [, suffix, json] = /^(\S+) ?(.*)$/.exec(rest) ?? [];
  const matches = tools.filter((tool) => tool.name === suffix || tool.name.endsWith(`_${suffix}`));
  const tool = matches.toSorted((a, b) => a.name.length - b.name.length)[0];
  if (!tool) return missing(suffix, tools);
  try {
    return { ...tool, id: nextId(), args: JSON.parse(json || "{}") };
  } catch (error) {
    return `[script: arguments of ${suffix} are not JSON: ${error.message}]`;
  }
}

function callNative(table, values, tools) {
  for (const [name, toArgs] of Object.entries(table)) {
    const tool = tools.find((candidate) => candidate.name === name);
    if (!tool) continue;
    const args = toArgs(...values);
    if (typeof args !== "string") return { ...tool, id: nextId(), args };
    return { ...tool, id: nextId(), args: { input: args }, input: args };
  }
  return undefined;
}

function missing(wanted, tools) {
  const names = tools.map((tool) => (tool.namespace ? `${tool.namespace}/${tool.name}` : tool.name));
  return `[script: no tool ${wanted}; offered: ${names.join(", ")}]`;
}

function nextId() {
  callCount += 1;
  return `call_${process.pid}_${callCount}`;
}
