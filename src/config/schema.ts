/**
 * Every key of `crucible.toml`. A new key is one entry here and its field in config.ts, which the compiler asks for where
 * the file is resolved. Keys of the file are in snake_case.
 */
import * as z from "zod";
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
      .min(kib)
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

export const profileTable = table("An agent profile: how to start one kind of agent, and what it may do.", {
  extends: key(profileReference, {
    meaning:
      "The profile this one is built on: a built-in one or another of yours; its own name means the built-in one.",
  }),
  command: key(filledText, {
    expansion: "command",
    meaning: "Program to start: a name looked up on PATH, or a path; required without `extends`.",
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
  delegation,
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
  limits: table("What one agent may use.", {
    grace_seconds: key(z.number().min(0).max(60), {
      default: 2,
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
  }),
});

export type RawConfig = z.infer<typeof configFile.schema>;
export type RawProfile = z.infer<typeof profileTable.schema>;
