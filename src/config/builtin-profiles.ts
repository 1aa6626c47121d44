/**
 * The agents Crucible knows by itself: how each is started, installed and best used. Data only; a profile of the user's with
 * `extends` builds on these, and what it does not set comes from here.
 */
import type { AgentProfile } from "./config.ts";
import type { InheritedNames } from "./environment.ts";
import type { RawProfile } from "./schema.ts";

export interface BuiltInProfile extends Pick<AgentProfile, "clientFiles" | "install" | "npmPackage"> {
  readonly keys: Required<Pick<RawProfile, "command" | "args" | "description">>;
  /** Credentials and settings of its own vendor, which it inherits (environment.ts). */
  readonly environment: readonly InheritedNames[];
}

const allClientFiles = { read: true, write: true };

export const builtInProfiles: ReadonlyMap<string, BuiltInProfile> = new Map([
  [
    "claude",
    {
      keys: {
        command: "claude-agent-acp",
        args: [],
        description:
          "Claude Code. Strong at hard reasoning, architecture and design decisions, reviews, and writing text for people.",
      },
      environment: [
        { names: ["ANTHROPIC_*", "CLAUDE_*", "API_TIMEOUT_MS", "MAX_THINKING_TOKENS", "MAX_MCP_OUTPUT_TOKENS"] },
        { names: ["BASH_DEFAULT_TIMEOUT_MS", "BASH_MAX_TIMEOUT_MS", "BASH_MAX_OUTPUT_LENGTH", "USE_BUILTIN_RIPGREP"] },
        { names: ["DISABLE_AUTOUPDATER", "DISABLE_TELEMETRY", "DISABLE_ERROR_REPORTING", "ENABLE_TOOL_SEARCH"] },
        { names: ["MCP_TIMEOUT", "MCP_TOOL_TIMEOUT"] },
        { names: ["AWS_*"], onlyWith: "CLAUDE_CODE_USE_BEDROCK" },
        {
          names: [
            "GOOGLE_APPLICATION_CREDENTIALS",
            "GOOGLE_CLOUD_*",
            "GCLOUD_PROJECT",
            "CLOUD_ML_REGION",
            "CLOUDSDK_*",
          ],
          onlyWith: "CLAUDE_CODE_USE_VERTEX",
        },
        { names: ["VERTEX_REGION_*"], onlyWith: "CLAUDE_CODE_USE_VERTEX" },
        { names: ["AZURE_*"], onlyWith: "CLAUDE_CODE_USE_FOUNDRY" },
      ],
      install: "npm install -g @agentclientprotocol/claude-agent-acp",
      npmPackage: "@agentclientprotocol/claude-agent-acp",
      clientFiles: allClientFiles,
    },
  ],
  [
    "opencode",
    {
      keys: {
        command: "opencode",
        args: ["acp"],
        description: "OpenCode. Strong at generating code from a clear description and at refactoring what exists.",
      },
      // It can work with any provider; keys of those are for the profile to name.
      environment: [{ names: ["OPENCODE_*"] }],
      install: "npm install -g opencode-ai",
      npmPackage: "opencode-ai",
      clientFiles: allClientFiles,
    },
  ],
  [
    "cursor",
    {
      keys: {
        command: "cursor-agent",
        args: ["acp"],
        description: "Cursor. Strong at changes that run through many files or a whole code base at once.",
      },
      environment: [{ names: ["CURSOR_*"] }],
      install: "curl https://cursor.com/install -fsS | bash",
      npmPackage: undefined,
      clientFiles: allClientFiles,
    },
  ],
  [
    "gemini",
    {
      keys: {
        command: "gemini",
        args: ["--acp"],
        description: "Gemini. Strong at research, analysis, and tasks that need a great deal of material read at once.",
      },
      environment: [{ names: ["GEMINI_*", "GOOGLE_*", "GCLOUD_PROJECT", "NO_BROWSER"] }],
      install: "npm install -g @google/gemini-cli",
      npmPackage: "@google/gemini-cli",
      // With reads offered it reads a file before creating it, takes the error for a failure, and creates nothing.
      clientFiles: { read: false, write: true },
    },
  ],
  [
    "codex",
    {
      keys: {
        command: "codex-acp",
        args: [],
        description: "Codex. Strong at generating code and at quick, well-defined edits.",
      },
      environment: [{ names: ["OPENAI_*", "CODEX_*", "AZURE_OPENAI_*", "NO_BROWSER", "INITIAL_AGENT_MODE"] }],
      install: "npm install -g @agentclientprotocol/codex-acp",
      npmPackage: "@agentclientprotocol/codex-acp",
      clientFiles: allClientFiles,
    },
  ],
]);
