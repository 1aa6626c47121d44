/** Every command of `crucible`. Data only: what a command needs is loaded when it runs. */
import { command, type CommandSpec } from "./command-spec.ts";

const config = {
  value: "FILE",
  text: "configuration file (default: $CRUCIBLE_CONFIG, else ~/.config/crucible/crucible.toml)",
} as const;
const socket = { value: "PATH", text: "socket of the daemon (default: as configured, else $CRUCIBLE_SOCKET)" } as const;
const json = { text: "print JSON" } as const;
const noAutostart = { text: "do not start a daemon when none runs" } as const;

export const commandTable: readonly CommandSpec[] = [
  command({
    name: "serve",
    summary: "run the daemon in the foreground",
    details:
      "Prints `listening on unix:PATH` when it is ready. The first signal ends it gracefully, the second one at once; SIGHUP " +
      "reads the configuration again. Started by hand it also takes ./crucible.toml when no other configuration is there.",
    options: {
      config,
      socket,
      logLevel: {
        value: "LEVEL",
        text: "least severe messages that are logged",
        choices: ["trace", "debug", "info", "warn", "error"],
      },
    },
    examples: [
      { line: "crucible serve", does: "with your configuration" },
      { line: "crucible serve --config crucible.toml --log-level debug", does: "to see what it does" },
    ],
    run: async (options) => (await import("./commands/serve.ts")).serveCommand(options),
  }),
  command({
    name: "acp",
    summary: "what an editor runs: an ACP agent on stdin and stdout, joined to the daemon",
    details:
      "Editors start this command as their agent. It starts the daemon in the background when none runs. Without --agent the " +
      "profile is `default_agent` of the configuration, else the one built-in agent that is installed.",
    options: {
      agent: { value: "NAME", text: "agent profile to open sessions with" },
      config,
      socket,
      noAutostart,
      terminalAuth: { value: "METHOD", text: "run the agent's own login in this terminal", hidden: true },
    },
    examples: [
      { line: "crucible acp", does: "the default agent" },
      { line: "crucible acp --agent my-claude", does: "one of yours" },
    ],
    run: async (options) => (await import("./commands/acp.ts")).acp(options),
  }),
  command({
    name: "mcp",
    summary: "the delegation tools as an MCP server on stdin and stdout",
    details:
      "For agents that take MCP servers but do not come through an editor: they act as the named profile, and the directory " +
      "they start this in is what they and their children may work on.",
    options: { agent: { value: "NAME", text: "agent profile to act as" }, config, socket, noAutostart },
    examples: [
      {
        line: "claude mcp add crucible -- crucible mcp --agent my-claude",
        does: "give Claude Code in a terminal the tools",
      },
    ],
    run: async (options) => (await import("./commands/mcp.ts")).mcp(options),
  }),
  command({
    name: "delegate",
    summary: "hand one task to an agent from a terminal",
    details:
      "Shows the tree of agents at work on stderr while it is a terminal, and prints the result on stdout. Starts the daemon in " +
      "the background when none runs. Ctrl-C cancels.",
    arguments: [
      { name: "AGENT", text: "profile that is to do it" },
      { name: "TASK", text: "what is to be done; - reads it from stdin" },
    ],
    options: {
      from: { value: "PROFILE", text: "act as this profile, under its rules (default: as yourself, under none)" },
      cwd: { value: "DIR", text: "directory to work in (default: this one)" },
      context: { value: "TEXT", text: "what the agent should know besides the task" },
      model: { value: "MODEL", text: "model for the agent, by its own name for it" },
      description: { value: "TITLE", text: "short title for the live tree" },
      json,
      config,
      socket,
      noAutostart,
    },
    examples: [
      { line: "crucible delegate opencode 'Add tests for src/parser.ts'", does: "work in this directory" },
      { line: "git diff | crucible delegate claude - --description review", does: "the task from a pipe" },
      { line: "crucible delegate gemini 'Which files are dead?' --json | jq -r .result", does: "in a script" },
    ],
    run: async (options, args) => (await import("./commands/delegate.ts")).delegate(args, options),
  }),
  command({
    name: "demo",
    summary: "show a real delegation, with two small agents that come along",
    details:
      "Starts a daemon of its own in a temporary folder, opens a session as an editor would, and lets a demo agent delegate " +
      "two tasks in parallel to another one that works on real files. Needs no key, no network and no installed agent.",
    options: { keep: { text: "keep the temporary folder and say where it is" } },
    examples: [{ line: "crucible demo", does: "watch it" }],
    run: async (options) => (await import("./commands/demo.ts")).demo(options),
  }),
  command({
    name: "agents",
    summary: "list the agent profiles, and whether their programs are there",
    details:
      "With --probe each agent that is there is started as a child would be, in the sandbox, and asked to initialize: its version, what it can do, how it takes MCP " +
      "servers, how long it takes and how much memory. Needs no daemon.",
    options: { probe: { text: "start each agent and ask what it can do" }, config, json },
    examples: [
      { line: "crucible agents", does: "who is there, and how to install the others" },
      { line: "crucible agents --probe", does: "who really starts" },
    ],
    run: async (options) => (await import("./commands/agents.ts")).agents(options),
  }),
  command({
    name: "doctor",
    summary: "check that everything works, and say what to do where it does not",
    details:
      "Looks at the configuration, the socket, the state folder, the sandbox and every agent, each of which is started and asked " +
      "to open a session. Changes nothing and needs no daemon. Exit code 0 when nothing is broken, 4 when the configuration is, " +
      "else 5. An agent that is not installed is not broken unless the configuration uses it.",
    options: { config, socket, json },
    examples: [
      { line: "crucible doctor", does: "before anything else, and when something does not work" },
      { line: "crucible doctor --json | jq '.findings[] | select(.state != \"ok\")'", does: "in a script" },
    ],
    run: async (options) => (await import("./commands/doctor.ts")).doctor(options),
  }),
  command({
    name: "explain",
    summary: "would this delegation be allowed, and which rule decides",
    details:
      "Asks the same rules the daemon uses, of the configuration file as it is now, and starts nothing. Says so when a daemon runs that " +
      "has read another configuration. Exit code 6 when it would be refused.",
    arguments: [
      { name: "FROM", text: "profile that would delegate" },
      { name: "TARGET", text: "profile that would do the task, or self" },
    ],
    options: {
      depth: { value: "N", text: "levels of delegation the caller already stands below its root (default: 0)" },
      cwd: { value: "DIR", text: "directory of the caller's session (default: this one)" },
      config,
      socket,
      json,
    },
    examples: [
      { line: "crucible explain my-claude opencode", does: "may it, and what could the child do" },
      { line: "crucible explain opencode gemini --depth 1", does: "from a child" },
    ],
    run: async (options, args) => (await import("./commands/explain.ts")).explainCommand(args, options),
  }),
  command({
    name: "config check",
    summary: "check the configuration; every problem with its place",
    details: "Checks the file that a daemon started here by hand would read, ./crucible.toml included.",
    options: { config, json },
    examples: [{ line: "crucible config check --config crucible.toml", does: "check one file" }],
    run: async (options) => (await import("./commands/config.ts")).checkConfig(options),
  }),
  command({
    name: "config show",
    summary: "print every value with where it comes from, secrets hidden",
    details: "Shows what a daemon started here by hand would use: defaults, built-in profiles and your file together.",
    options: { config, json },
    examples: [{ line: "crucible config show | grep my-claude", does: "what one profile comes to" }],
    run: async (options) => (await import("./commands/config.ts")).showConfig(options),
  }),
  command({
    name: "config schema",
    summary: "print the JSON Schema of crucible.toml, for editors",
    details:
      "Editors that read TOML schemas complete and check the keys when the file begins with a line `#:schema FILE`.",
    options: { json: { text: "print JSON, as it does anyway" } },
    examples: [
      { line: "crucible config schema > crucible.schema.json", does: "then `#:schema ./crucible.schema.json`" },
    ],
    run: async () => (await import("./commands/config.ts")).printSchema(),
  }),
  command({
    name: "ps",
    summary: "show the live tree of sessions and delegations",
    details: "Who works for whom, on what, for how long, and with how much memory.",
    options: { watch: { text: "show it again every second, until Ctrl-C" }, config, socket, json },
    examples: [
      { line: "crucible ps", does: "the tree now" },
      { line: "crucible ps --watch", does: "the tree as it changes" },
    ],
    run: async (options) => (await import("./commands/ps.ts")).ps(options),
  }),
  command({
    name: "status",
    summary: "show facts about the daemon; exit code 3 when none runs",
    details:
      "Version, pid, socket, configuration, log, how much is going on, and what has been since the daemon started: delegations " +
      "by how they ended, and messages to and from agents.",
    options: { config, socket, json },
    examples: [
      { line: "crucible status --json | jq .pid", does: "in a script" },
      { line: "crucible status --json | jq .ended", does: "how delegations have ended" },
    ],
    run: async (options) => (await import("./commands/status.ts")).status(options),
  }),
  command({
    name: "logs",
    summary: "show what the daemon wrote into its log",
    details:
      "Time, level, message, and the ids of the session, its root session and its delegation. Reads the files of the state " +
      "folder, those that were rotated away included, and needs no daemon. How much the daemon writes is set with `log_level`.",
    options: {
      follow: { short: "f", text: "go on with what is written from now on, until Ctrl-C" },
      lines: { value: "N", short: "n", text: "how many of the last entries to show (default: 100)" },
      session: {
        value: "ID",
        text: "only what concerns this session, tree or delegation; the first characters suffice",
      },
      level: {
        value: "LEVEL",
        text: "only entries as severe as this",
        choices: ["trace", "debug", "info", "warn", "error"],
      },
      json: { text: "print the entries as JSON, one a line" },
    },
    examples: [
      { line: "crucible logs --follow", does: "watch" },
      { line: "crucible logs --level warn --lines 1000", does: "what went wrong" },
      { line: "crucible logs --session ses_4h2k --json | jq -r .msg", does: "one conversation, in a script" },
    ],
    run: async (options) => (await import("./commands/logs.ts")).logs(options),
  }),
  command({
    name: "sessions list",
    summary: "list stored sessions, the latest first",
    details:
      "What editors, terminals and MCP clients opened; --all adds what delegations opened. A search looks into titles, " +
      "directories, tasks, results and all that was said and done, and shows where it found the text. Works without a daemon.",
    options: {
      search: { value: "TEXT", text: "only those in which this text stands, whatever its case" },
      agent: { value: "NAME", text: "only those of this agent profile" },
      limit: { value: "N", text: "how many at most (default: 50)" },
      all: { text: "those that delegations opened, too" },
      config,
      socket,
      json,
    },
    examples: [
      { line: "crucible sessions list --search 'race condition'", does: "which conversation was that" },
      { line: "crucible sessions list --agent my-claude --json | jq -r '.[].id'", does: "in a script" },
    ],
    run: async (options) => (await import("./commands/sessions.ts")).listSessions(options),
  }),
  command({
    name: "sessions show",
    summary: "show one stored session or delegation",
    details:
      "Lineage, turns, delegations with their outcomes; for a delegation its task and whole result. Of an id so much suffices as " +
      "fits no other. Works without a daemon.",
    arguments: [{ name: "ID", text: "of a session or a delegation" }],
    options: {
      permissions: {
        text: "what was allowed and denied in it and below it, by which rule or whom, and what is remembered",
      },
      config,
      socket,
      json,
    },
    examples: [
      { line: "crucible sessions show 4h2k", does: "the one whose id begins with ses_4h2k" },
      { line: "crucible sessions show ses_4h2k --permissions", does: "what its agents were allowed" },
    ],
    run: async (options, args) => (await import("./commands/sessions.ts")).showSession(args, options),
  }),
  command({
    name: "sessions export",
    summary: "print the conversation of a stored session",
    details:
      "As Markdown, or as JSON Lines: one message a line as it was relayed. For a delegation the conversation of the session " +
      "that worked for it. Works without a daemon.",
    arguments: [{ name: "ID", text: "of a session or a delegation" }],
    options: {
      format: { value: "FORMAT", text: "how (default: markdown)", choices: ["markdown", "jsonl"] },
      json: { text: "print JSON Lines: the same as --format jsonl" },
      config,
      socket,
    },
    examples: [
      { line: "crucible sessions export 4h2k > conversation.md", does: "to read or to keep" },
      { line: "crucible sessions export 4h2k --format jsonl | jq -r .method | sort | uniq -c", does: "in a script" },
    ],
    run: async (options, args) => (await import("./commands/sessions.ts")).exportSession(args, options),
  }),
  command({
    name: "sessions delete",
    summary: "delete a stored session with all that descends from it",
    details:
      "Conversations, delegations, results, permission decisions and patches. What is still open is not deleted.",
    arguments: [{ name: "ID", text: "of a session" }],
    options: { config, socket, json },
    examples: [{ line: "crucible sessions delete ses_4h2k", does: "for good" }],
    run: async (options, args) => (await import("./commands/sessions.ts")).deleteSession(args, options),
  }),
  command({
    name: "cancel",
    summary: "cancel a delegation, or what a session does now",
    details:
      "A session's turn ends, and with it all that it has delegated. Waits until the delegations have ended. Exit code 6 when " +
      "there is nothing to cancel.",
    arguments: [{ name: "ID", text: "of a delegation or a session" }],
    options: { config, socket, json },
    examples: [{ line: "crucible cancel del_7s0d", does: "one delegation; its caller is told" }],
    run: async (options, args) => (await import("./commands/cancel.ts")).cancelCommand(args, options),
  }),
  command({
    name: "stop",
    summary: "end the daemon gracefully, with all that runs in it",
    details: "Waits until the daemon is gone. Its sessions are ended and its agents' processes with them.",
    options: { config, socket },
    examples: [{ line: "crucible stop", does: "the daemon of this user" }],
    run: async (options) => (await import("./commands/stop.ts")).stop(options),
  }),
];

/** Commands whose name has two words, by the first. */
export const commandGroups: Readonly<Record<string, string>> = {
  config: "check and show the configuration",
  sessions: "what is stored of sessions and delegations",
};
