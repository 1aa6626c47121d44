/**
 * How the scripted agent behaves outside a prompt. Flags come from the command line and, before them, from
 * `SCRIPTED_ARGS` (a JSON array of the same flags), for tests that can set only the environment.
 */

/** Flag, name of the option, and what stands behind the flag on the command line. */
const flags = {
  "--name": ["name", "text"], // name in agentInfo and prefix of session ids; "scripted"
  "--log": ["log", "file"], // FILE: every received message is appended as a line
  "--memory": ["memory", "file"], // FILE: sessions are kept there and survive the process
  "--script": ["script", "text"], // directives to run when a prompt holds none; \n separates lines
  "--banner": ["banner", "text"], // a line on stdout before anything else
  "--stderr-banner": ["stderrBanner", "text"], // the same on stderr
  "--slow-initialize": ["slowInitialize", "text"], // FILE: initialize is answered once it exists
  "--no-initialize": ["noInitialize", "switch"], // initialize is never answered
  "--slow-session": ["slowSession", "text"], // FILE: session/new is answered once it exists
  "--no-session": ["noSession", "switch"], // session/new is never answered
  "--exit-at": ["exitAt", ["initialize", "session", "prompt"]], // ends instead of answering
  "--exit-code": ["exitCode", "number"], // the code it then ends with; 1
  "--ignore-sigterm": ["ignoreSigterm", "switch"],
  "--ignore-eof": ["ignoreEof", "switch"], // lives on when stdin ends
  "--auth-required": ["authRequired", "switch"], // session/new answers -32000 until `authenticate` was called
  "--capabilities": ["capabilities", "json"], // merged into agentCapabilities; null removes
  "--config-options": ["configOptions", "switch"], // modes and configOptions in the answer to session/new
  "--early-updates": ["earlyUpdates", "switch"], // a session/update before the answer to session/new
  "--late-replay": ["lateReplay", "switch"], // session/load is answered before the conversation is told, as Gemini does
  "--echo-unknown": ["echoUnknown", "switch"], // unknown requests are answered with { method, params }
  "--mcp": ["mcp", ["stdio", "http", "both"]], // transports it takes; stdio = http not advertised, http = stdio refused
  "--mcp-era": ["mcpEra", ["2025", "2025-06-18", "2025-11-25", "2026", "2026-07-28"]], // protocol version it speaks; 2025
  "--mcp-eager": ["mcpEager", "switch"], // connects and lists before session/new is answered, as most agents do
  "--mcp-cards": ["mcpCards", "switch"], // shows its MCP calls as tool_call updates
  "--say-progress": ["sayProgress", "switch"], // `progress: N` after the result of a tool call
  "--forward-cancel": ["forwardCancel", "switch"], // session/cancel cancels MCP calls under way; on
  "--no-forward-cancel": ["forwardCancel", "off"],
};

const defaults = { name: "scripted", exitCode: 1, mcp: "both", mcpEra: "2025", forwardCancel: true };

export function readOptions(argv, env) {
  const options = { ...defaults };
  const words = [...(env.SCRIPTED_ARGS ? JSON.parse(env.SCRIPTED_ARGS) : []), ...argv];
  while (words.length > 0) {
    const flag = words.shift();
    const [name, kind] = flags[flag] ?? refuse(`does not know ${flag}; it knows ${Object.keys(flags).join(" ")}`);
    if (kind === "switch" || kind === "off") options[name] = kind === "switch";
    else options[name] = readValue(flag, kind, words.shift() ?? refuse(`expects a value behind ${flag}`));
  }
  return options;
}

function readValue(flag, kind, value) {
  if (kind === "file") return value.replace(/^~(?=\/)/, process.env.HOME);
  if (kind === "json") return JSON.parse(value);
  if (kind === "number") return Number(value);
  if (Array.isArray(kind) && !kind.includes(value))
    refuse(`expects one of ${kind.join(", ")} behind ${flag}, got ${value}`);
  return value;
}

function refuse(problem) {
  process.stderr.write(`the scripted agent ${problem}\n`);
  process.exit(2);
}
