/**
 * Every key of `crucible.toml`. A new key is one entry here and its field in config.ts, which the compiler asks for where
 * the file is resolved. Keys of the file are in snake_case.
 */
import * as z from "zod";
import { byteCount } from "./byte-size.ts";
import { key, namedTables, table } from "./key-tree.ts";

const kib = 1024;
const mib = 1024 * kib;
const dayInSeconds = 86_400;

// A NUL cannot be handed to a program; with it the start would fail much later and less clearly.
// oxlint-disable-next-line no-control-regex -- it is the NUL that is refused
const text = z.string().regex(/^[^\u0000]*$/, "without NUL characters");
// oxlint-disable-next-line no-control-regex -- as above
const variableName = z.string().regex(/^[^=\u0000]+$/);
const filledText = text.min(1);
const byteSize = z
  .string()
  .regex(/^\d+(\.\d+)? ?(K|M|G)(B|iB)?$/, { abort: true })
  .refine((size) => (byteCount(size) ?? 0) >= mib)
  .meta({ title: 'a size such as "512MB" or "4GiB"' });
const hostPattern = z
  .string()
  .regex(/^(\*\.)?[A-Za-z0-9_-]+(\.[A-Za-z0-9_-]+)*(:\d{1,5})?$/)
  .meta({ title: 'a host such as "api.example.com", "*.example.org" or "example.org:443"' });
const profileReference = z.string().min(1);

/** Names of profiles: 1-64 characters of A-Z a-z 0-9 _ -, and not `self`, which means the caller's own profile. */
const profileNamePattern = /^(?!self$)[A-Za-z0-9_-]{1,64}$/;

const delegation = table("What sessions of this profile may delegate.", {
  enabled: key(z.boolean(), { default: false, meaning: "Whether this profile may delegate at all." }),
  max_depth: key(z.int().min(0).max(16), {
    default: 1,
    meaning: "Levels of delegation below a root session; with 1 its children may not delegate further.",
  }),
  allowed_targets: key(z.array(profileReference), {
    default: "all",
    defaultText: "all profiles",
    meaning: "Names of the profiles it may delegate to; an empty array allows none.",
  }),
  result_max_bytes: key(
    z
      .int()
      .min(1)
      .max(64 * mib),
    {
      default: 50 * kib,
      meaning: "Largest result handed back to the caller, in bytes; of a longer one, head and tail are kept.",
    },
  ),
  tools: key(z.enum(["delegate", "per_agent", "both"]), {
    default: "delegate",
    meaning: "Which tools it delegates with: `delegate_session`, one `call_NAME` for each target, or both.",
  }),
  dynamic_agents: key(z.boolean(), {
    default: false,
    meaning: "Whether it may create agents of its own at run time, from profiles it may delegate to.",
  }),
  keep_background: key(z.boolean(), {
    default: false,
    meaning:
      "Whether what it delegated in the background goes on when the connection of its editor closes; the results wait for a session " +
      "that loads the conversation again.",
  }),
  max_concurrent_delegations: key(z.int().min(1).max(1024), {
    default: 3,
    meaning: "Children of one session that run at the same time; more wait in a queue.",
  }),
  max_delegations_per_session: key(z.int().min(1), {
    defaultText: "no limit",
    meaning: "Delegations one session may make in its whole life.",
  }),
  max_agents_per_tree: key(z.int().min(1), {
    default: 500,
    meaning: "Agents that may be started below one root session of this profile, in its whole life.",
  }),
  max_tokens_per_tree: key(z.int().min(1), {
    defaultText: "no limit",
    meaning: "Tokens all of them may use together before the next delegation is refused, as far as agents report them.",
  }),
  max_cost_per_tree: key(z.number().positive(), {
    defaultText: "no limit",
    meaning: "What all of them may cost together before the next delegation is refused, in the currency agents report.",
  }),
  max_seconds_per_tree: key(z.number().positive(), {
    defaultText: "no limit",
    meaning: "How long all of them may run together before the next delegation is refused, in seconds.",
  }),
  max_handoff_depth: key(z.int().min(0).max(16), {
    default: 3,
    meaning: "How often a conversation may be handed on from agent to agent, counted from this one; 0 = never.",
  }),
  max_handoffs_per_session: key(z.int().min(0), {
    default: 10,
    meaning: "Handoffs in one conversation that this profile began, in its whole life.",
  }),
  allow_cycles: key(z.boolean(), {
    default: false,
    meaning: "Whether it may delegate to a profile that already stands in its lineage.",
  }),
  wait_seconds: key(
    z
      .number()
      .min(0)
      .max(7 * dayInSeconds),
    {
      defaultText: "what the kind of agent is known to bear",
      meaning:
        "How long one tool call waits for a child before it hands back a handle instead of the result, in seconds.",
    },
  ),
  stall_seconds: key(
    z
      .number()
      .positive()
      .max(7 * dayInSeconds),
    {
      default: 1800,
      meaning:
        "How long a child may give no sign of life before it is ended, in seconds; waiting for a human does not count.",
    },
  ),
  timeout_seconds: key(
    z
      .number()
      .positive()
      .max(7 * dayInSeconds),
    {
      defaultText: "no limit",
      meaning: "Longest run of one delegation, in seconds, time in the queue not counted.",
    },
  ),
});

const permissionPatterns = z.array(
  z
    .string()
    // oxlint-disable-next-line no-control-regex -- it is the NUL that is refused
    .regex(/^(?:read|edit|write|delete|move|search|execute|bash|fetch|mcp|other|\*):[^\u0000]+$/)
    .meta({
      title:
        'a kind (read, edit, delete, move, search, execute, fetch, mcp, other or *) and a pattern, such as "execute:rm *"',
    }),
);

/** Questions of permission, of all profiles or of one. */
export const permissionsTable = table(
  "What agents may do, by kind and pattern: deny is looked at first, then ask, then allow, then the default.",
  {
    default: key(z.enum(["allow", "ask", "deny"]), {
      default: "ask",
      meaning: "What happens to a request for permission that no pattern fits.",
    }),
    deny: key(permissionPatterns, {
      default: [],
      meaning: "KIND:PATTERN over the command, the path within the kiln or the MCP tool: refused without asking.",
    }),
    ask: key(permissionPatterns, { default: [], meaning: "KIND:PATTERN: always asked." }),
    allow: key(permissionPatterns, { default: [], meaning: "KIND:PATTERN: allowed without asking." }),
    unattended: key(z.enum(["allow", "deny"]), {
      default: "deny",
      meaning: "What asking becomes where nobody can be asked.",
    }),
    ask_timeout_seconds: key(
      z
        .number()
        .positive()
        .max(7 * dayInSeconds),
      { default: 3600, meaning: "How long a question waits for its answer before it is refused, in seconds." },
    ),
  },
);

/** The operating system's boundary around agents, of all profiles or of one. */
export const sandboxTable = table("The operating system's boundary around agents.", {
  mode: key(z.enum(["auto", "bwrap", "landlock", "seatbelt", "external", "off"]), {
    default: "auto",
    meaning:
      "Which mechanism; `auto` = the strongest that passes a trial; `external` = something around the daemon is the boundary.",
  }),
  accept: key(z.enum(["full", "partial", "advisory"]), {
    default: "partial",
    meaning: "The least that is settled for; below it the agent is not started.",
  }),
  applies_to: key(z.enum(["children", "all"]), {
    default: "children",
    meaning: "Whom it holds: agents that work for other agents, or all.",
  }),
  home: key(z.enum(["private", "real"]), {
    default: "private",
    meaning: "Which home directory an agent inside sees: one of its profile's own in the state folder, or the user's.",
  }),
});

export const profileTable = table("An agent profile: how to start one kind of agent, and what it may do.", {
  extends: key(profileReference, {
    meaning:
      "The profile this one is built on: a built-in one or another of yours; its own name means the built-in one, and is not needed " +
      "for that without a `command`.",
  }),
  command: key(filledText, {
    expansion: "command",
    meaning:
      "Program to start: a name looked up on PATH, or a path; required without `extends`, but for a built-in name.",
  }),
  args: key(z.array(text), { default: [], meaning: "Arguments of the program, passed as they stand." }),
  env: key(z.record(variableName, text), {
    default: {},
    expansion: "value",
    mergesByKey: true,
    meaning: "Environment variables set for the agent, added to those of the profile it extends.",
  }),
  cwd: key(filledText, {
    expansion: "path",
    defaultText: "the session's directory",
    meaning: "Directory in which the program is started.",
  }),
  description: key(z.string(), {
    default: "",
    meaning: "What the agent is good at, shown to the models that choose a target.",
  }),
  model: key(filledText, {
    defaultText: "the agent's own",
    meaning: "Model to select, by the agent's own name for it.",
  }),
  mode: key(filledText, { defaultText: "the agent's own", meaning: "Mode to select, by the agent's own name for it." }),
  model_roles: key(z.record(profileReference, filledText), {
    default: {},
    mergesByKey: true,
    meaning: "Names for kinds of work, each with the model for it, or with the profile that does it instead.",
  }),
  instructions: key(z.string(), { meaning: "Text given to the agent before its first task." }),
  brief: key(z.string(), {
    defaultText: "where to work, that nobody can answer questions, and what to report",
    meaning:
      "Text that follows every task delegated to this profile; {from} stands for the agent that asks, {cwd} for the directory.",
  }),
  startup_timeout_seconds: key(z.number().positive().max(3600), {
    default: 60,
    meaning: "How long the agent may take to start, and again to open a session, in seconds.",
  }),
  idle_seconds: key(z.number().min(0).max(dayInSeconds), {
    default: 0,
    meaning:
      "How long a child's process stays after its task, for its caller to go on with it, in seconds; it ends with its parent, " +
      "and when its place is needed. Worth it for an agent that can neither resume nor load a session.",
  }),
  config_dirs: key(z.array(filledText), {
    default: [],
    expansion: "path",
    meaning: "Real folders that an agent with a private home may read and write, such as its own settings.",
  }),
  delegation,
  permissions: permissionsTable,
  sandbox: sandboxTable,
});

export const delegationTable = delegation;

/** The whole file. */
export const configFile = table("Configuration of Crucible.", {
  acp: table("Agents in general.", {
    default_agent: key(profileReference, {
      defaultText: "the one built-in agent that is installed",
      meaning: "Profile used when `crucible acp` is started without --agent.",
    }),
    npx: key(z.boolean(), {
      default: false,
      meaning: "Whether a built-in agent that is not installed is run through npx, which downloads it.",
    }),
    agents: namedTables("Agent profiles by name.", {
      name: z.string().regex(profileNamePattern),
      table: profileTable,
    }),
  }),
  permissions: permissionsTable,
  kiln: table("The directories in which agents may act, and the network they may reach.", {
    roots: key(z.array(filledText), {
      expansion: "path",
      defaultText: "wherever a session is opened",
      meaning: "Directories that sessions must lie in; one that is opened outside is refused.",
    }),
    read: key(z.array(filledText), {
      default: [],
      expansion: "path",
      meaning: "Files and directories that may be read besides the session's own.",
    }),
    write: key(z.array(filledText), {
      default: [],
      expansion: "path",
      meaning: "Files and directories that may be read and written besides the session's own.",
    }),
    deny: key(z.array(filledText), {
      default: ["**/.git/hooks/**"],
      expansion: "value",
      meaning:
        "Glob patterns of paths that are never read or written, inside the kiln neither; `~` is the home directory.",
    }),
    network: key(
      z.union([
        z.enum(["open", "none"]),
        z.array(hostPattern).meta({ title: 'an array of hosts ("api.example.com", "*.example.org:443")' }),
      ]),
      {
        default: "open",
        meaning:
          'What agents in a sandbox may reach: everything, nothing, or these hosts ("api.example.com", "*.example.org:443").',
      },
    ),
  }),
  sandbox: sandboxTable,
  limits: table("What one agent may use.", {
    memory: key(
      z
        .union([z.int().min(mib), byteSize])
        .meta({ title: 'a whole number of bytes, at least 1048576, or a size such as "512MB" or "4GiB"' }),
      {
        defaultText: "no limit",
        meaning:
          'Resident memory of an agent with all it starts, and with what it keeps in /tmp and /dev/shm of its sandbox, in bytes or as "4GiB"; ' +
          "one that uses more is ended.",
      },
    ),
    pids: key(z.int().min(16), {
      defaultText: "no limit",
      meaning: "Processes of an agent with all it starts; one that has more is ended.",
    }),
    grace_seconds: key(z.number().min(0).max(60), {
      // Both steps together leave room within the five seconds in which all of a conversation ends with it.
      default: 1.5,
      meaning: "Time between the steps of ending an agent (end of stdin, SIGTERM, SIGKILL), in seconds.",
    }),
  }),
  server: table("The daemon.", {
    socket: key(filledText, {
      expansion: "path",
      defaultText: "`$XDG_RUNTIME_DIR/crucible/daemon.sock`, else in the state folder",
      meaning: "Path of the unix socket on which the daemon listens.",
    }),
    log_level: key(z.enum(["trace", "debug", "info", "warn", "error"]), {
      default: "info",
      meaning: "The least severe messages that are logged.",
    }),
    max_agents: key(z.int().min(1).max(1024), {
      default: 32,
      meaning: "Agent processes that may run at once in the whole daemon.",
    }),
    metrics_port: key(z.int().min(1).max(65_535), {
      defaultText: "no metrics",
      meaning: "Port on 127.0.0.1 on which Prometheus reads figures at /metrics.",
    }),
    retention_days: key(z.number().min(0).max(36_500), {
      default: 30,
      meaning:
        "Days after which a conversation that nobody has touched is deleted, with all that descends from it; 0 keeps all.",
    }),
    max_store_mb: key(z.int().min(1).max(1_048_576), {
      default: 1024,
      meaning: "Size of what is stored, in MiB; the oldest conversations go first.",
    }),
  }),
});

export type RawConfig = z.infer<typeof configFile.schema>;
export type RawProfile = z.infer<typeof profileTable.schema>;
