/**
 * What `crucible.toml` means once it was checked and resolved: plain frozen data, every default filled in, every `extends`
 * followed. The rest of the program sees only these types; how they are read from text is this folder's business.
 */

/** Rules for one profile as a delegating agent: `[acp.agents.NAME.delegation]`. */
export interface DelegationRules {
  /** May this profile delegate at all. */
  readonly enabled: boolean;
  /** Levels of delegation below a root session of this profile; 1 = its children may not delegate. */
  readonly maxDepth: number;
  /** Names of profiles it may delegate to; "all" = every profile. */
  readonly allowedTargets: readonly string[] | "all";
  /** Largest result handed back to the caller, in bytes of UTF-8. */
  readonly resultMaxBytes: number;
  /** Which tools it delegates with. */
  readonly tools: "delegate" | "per_agent" | "both";
  /** May it create agents at run time. */
  readonly dynamicAgents: boolean;
  /** Does what it delegated in the background go on without its editor. */
  readonly keepBackground: boolean;
  /** Children of one session that run at once; more wait in a queue. */
  readonly maxConcurrentDelegations: number;
  /** Longest chain of handoffs in a conversation that this profile began; 0 = it may not be handed over. */
  readonly maxHandoffDepth: number;
  /** Handoffs in the life of such a conversation. */
  readonly maxHandoffsPerSession: number;
  /** May it delegate to a profile that already stands in its lineage. */
  readonly allowCycles: boolean;
  /** How long one tool call waits before it hands back a handle, in seconds; undefined = by what is known of the caller. */
  readonly waitSeconds: number | undefined;
  /** How long a child may give no sign of life, in seconds. */
  readonly stallSeconds: number;
  /** Delegations one session may make in its life. */
  readonly maxDelegationsPerSession: number | undefined;
  /** What all agents below one root session may use together; the limits of the root's profile count. */
  readonly maxAgentsPerTree: number;
  readonly maxTokensPerTree: number | undefined;
  /** In the currency agents report. */
  readonly maxCostPerTree: number | undefined;
  readonly maxSecondsPerTree: number | undefined;
  /** Longest run of one delegation in seconds, queueing not counted; undefined = no limit. */
  readonly timeoutSeconds: number | undefined;
}

/** `[permissions]`, or `[acp.agents.NAME.permissions]` in its place. Patterns are `KIND:PATTERN`. */
export interface PermissionRules {
  readonly default: "allow" | "ask" | "deny";
  readonly deny: readonly string[];
  readonly ask: readonly string[];
  readonly allow: readonly string[];
  /** What asking becomes where nobody can be asked. */
  readonly unattended: "allow" | "deny";
  /** How long a question may wait for its answer, in seconds. */
  readonly askTimeoutSeconds: number;
}

/** The rules of a whole lineage, the lowest session's first; names as in `--json`. */
export interface EffectivePermissions {
  /** One that fits decides. */
  readonly deny: readonly { readonly rule: string; readonly profile: string }[];
  readonly ask: readonly { readonly rule: string; readonly profile: string }[];
  /** What is allowed has to be so by the rules of each profile. */
  readonly allow: readonly { readonly rule: string; readonly profile: string }[];
  /** The strictest of all. */
  readonly default: "allow" | "ask" | "deny";
  readonly unattended: "allow" | "deny";
  readonly ask_timeout_seconds: number;
  readonly bound_by: readonly string[];
}

/** `[kiln]`. All paths are absolute. */
export interface KilnRules {
  /** Undefined = a session may be opened anywhere. */
  readonly roots: readonly string[] | undefined;
  readonly read: readonly string[];
  readonly write: readonly string[];
  /** Glob patterns as they stand in the file. */
  readonly deny: readonly string[];
  readonly network: NetworkRule;
}

/** What agents in a sandbox may reach: everything, nothing, or the listed hosts (`HOST`, `*.DOMAIN`, each with or without a port). */
export type NetworkRule = "open" | "none" | readonly string[];

/** `[sandbox]`, with what `[acp.agents.NAME.sandbox]` lays over it. */
export interface SandboxRules {
  readonly mode: "auto" | "bwrap" | "landlock" | "seatbelt" | "external" | "off";
  /** The least that is settled for. */
  readonly accept: "full" | "partial" | "advisory";
  readonly appliesTo: "children" | "all";
  readonly home: "private" | "real";
}

/** One agent profile: `[acp.agents.NAME]`. */
export interface AgentProfile {
  readonly name: string;
  /** The built-in profile at the end of the `extends` chain, or undefined for an agent of the user's own. */
  readonly family: string | undefined;
  /** The chain of `extends`, nearest first; empty for a profile that extends nothing. */
  readonly lineage: readonly string[];
  /** Program: a name looked up on PATH, or a path. */
  readonly command: string;
  readonly args: readonly string[];
  readonly env: Readonly<Record<string, string>>;
  /** Where the agent is started; undefined = the session's cwd. */
  readonly cwd: string | undefined;
  /** What it is good at, shown to models that choose a target. */
  readonly description: string;
  readonly model: string | undefined;
  readonly mode: string | undefined;
  /** What a caller may ask for by role: a model of this agent, or the name of another profile. */
  readonly modelRoles: Readonly<Record<string, string>>;
  /** Text given to the agent before its first task. */
  readonly instructions: string | undefined;
  /** Closing words of every task delegated to it (brief-template.ts); undefined = the usual ones, empty = none. */
  readonly brief: string | undefined;
  /** Deadline over spawn and initialize, and again over session/new, in seconds. */
  readonly startupTimeoutSeconds: number;
  /** How long a child's process stays after its task, in seconds. */
  readonly idleSeconds: number;
  /** Real folders that it may read and write although its home is private; absolute. */
  readonly configDirs: readonly string[];
  readonly permissions: PermissionRules;
  readonly sandbox: SandboxRules;
  readonly delegation: DelegationRules;
  /** How a person installs the program, one line; undefined for agents of the user's own. */
  readonly install: string | undefined;
  /** The npm package whose program `command` is, for `[acp] npx = true`. */
  readonly npmPackage: string | undefined;
  /** File-system requests (fs/read_text_file, fs/write_text_file) offered to the agent when it runs as a child. */
  readonly clientFiles: { readonly read: boolean; readonly write: boolean };
}

export type LogLevel = "trace" | "debug" | "info" | "warn" | "error";

export interface Config {
  /** Absolute path of the file it was read from; undefined when there is none and the built-in profiles serve alone. */
  readonly file: string | undefined;
  /** Of the one a daemon serves with: how the file differs by now from what was read (change.ts); undefined = not at all. */
  readonly change?: () => string | undefined;
  readonly acp: {
    readonly defaultAgent: string | undefined;
    /** Run a built-in agent that is not installed through `npx`. */
    readonly npx: boolean;
  };
  /** By name; the built-in profiles are among them. */
  readonly agents: ReadonlyMap<string, AgentProfile>;
  /** Of profiles that have none of their own. */
  readonly permissions: PermissionRules;
  readonly kiln: KilnRules;
  /** Of profiles that have none of their own. */
  readonly sandbox: SandboxRules;
  readonly limits: {
    /** Resident memory of one agent with all it starts, in bytes. */
    readonly memory: number | undefined;
    /** Processes of one agent with all it starts. */
    readonly pids: number | undefined;
    /** Time between the gentle steps of ending an agent (end of stdin, SIGTERM, SIGKILL), in seconds. */
    readonly graceSeconds: number;
  };
  readonly server: {
    readonly socket: string | undefined;
    readonly logLevel: LogLevel;
    /** Agent processes at once, in the whole daemon. */
    readonly maxAgents: number;
    /** On loopback; undefined = no metrics are served. */
    readonly metricsPort: number | undefined;
    /** 0 = for ever. */
    readonly retentionDays: number;
    readonly maxStoreMb: number;
  };
}
