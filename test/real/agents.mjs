/**
 * The real agents under test, as data: which npm packages hold them, how they are started, and what makes each of them
 * work with the scripted model server alone. Files named in `files` are written below the agent's private home.
 */

/**
 * @typedef {object} AgentUnderTest
 * @property {string} name profile name in Crucible and folder name in the cache
 * @property {string} vendor
 * @property {string} api the model API it speaks, by the name of its dialect in the model server
 * @property {Record<string, string>} packages npm packages with exact versions
 * @property {string} versionOf the package whose version stands in the table
 * @property {string} bin
 * @property {string[]} args
 * @property {(place: { home: string, modelUrl: string }) => Record<string, string>} env
 * @property {(place: { home: string, modelUrl: string }) => Record<string, string>} files
 * @property {string} [newerNode] why npm has to be forced on an older Node.js
 */

/** @type {AgentUnderTest[]} */
export const agents = [
  {
    name: "opencode",
    vendor: "OpenCode",
    api: "openai-chat",
    packages: { "opencode-ai": "1.18.33" },
    versionOf: "opencode-ai",
    bin: "opencode",
    args: ["acp"],
    env: ({ modelUrl }) => ({
      // In the environment rather than in a file, so that it also holds where the agent gets another home.
      OPENCODE_CONFIG_CONTENT: JSON.stringify(opencodeConfig(modelUrl)),
      OPENCODE_DISABLE_AUTOUPDATE: "1",
      OPENCODE_DISABLE_MODELS_FETCH: "1",
      OPENCODE_DISABLE_LSP_DOWNLOAD: "1",
    }),
    files: () => ({}),
  },
  {
    name: "gemini",
    vendor: "Google",
    api: "gemini-content",
    packages: { "@google/gemini-cli": "0.61.0" },
    versionOf: "@google/gemini-cli",
    bin: "gemini",
    args: ["--acp"],
    env: ({ home, modelUrl }) => ({
      GEMINI_API_KEY: "fake",
      GOOGLE_GEMINI_BASE_URL: modelUrl,
      // In a folder that is not trusted, Gemini drops MCP servers without a word.
      GEMINI_CLI_TRUST_WORKSPACE: "true",
      // Otherwise it starts itself a second time, and twice the memory is gone.
      GEMINI_CLI_NO_RELAUNCH: "true",
      GEMINI_CLI_SYSTEM_SETTINGS_PATH: `${home}/gemini-settings.json`,
    }),
    files: () => ({
      "gemini-settings.json": JSON.stringify({
        security: { auth: { selectedType: "gemini-api-key" } },
        general: { enableAutoUpdate: false, enableAutoUpdateNotification: false },
        privacy: { usageStatisticsEnabled: false },
        model: { name: "gemini-2.5-flash" },
      }),
    }),
  },
  {
    name: "claude",
    vendor: "Anthropic",
    api: "anthropic-messages",
    packages: { "@agentclientprotocol/claude-agent-acp": "0.100.0" },
    versionOf: "@agentclientprotocol/claude-agent-acp",
    newerNode: "its package.json asks for Node.js 22, but it runs on 20",
    bin: "claude-agent-acp",
    args: [],
    env: ({ modelUrl }) => ({
      ANTHROPIC_BASE_URL: modelUrl,
      ANTHROPIC_API_KEY: "sk-ant-fake",
      CLAUDE_CODE_DISABLE_NONESSENTIAL_TRAFFIC: "1",
      DISABLE_AUTOUPDATER: "1",
      // With tool search on, MCP tools are not in the request, and a scripted model cannot find them.
      ENABLE_TOOL_SEARCH: "false",
    }),
    files: () => ({}),
  },
  {
    name: "codex",
    vendor: "OpenAI",
    api: "openai-responses",
    packages: { "@agentclientprotocol/codex-acp": "2.6.0" },
    versionOf: "@agentclientprotocol/codex-acp",
    bin: "codex-acp",
    args: [],
    env: ({ home }) => ({
      CODEX_HOME: `${home}/codex`,
      OPENAI_API_KEY: "fake",
      NO_BROWSER: "1",
      // The other modes need Codex's own sandbox, which many containers do not allow where Crucible's does not hold.
      INITIAL_AGENT_MODE: "agent-full-access",
    }),
    files: ({ modelUrl }) => ({ "codex/config.toml": codexConfig(modelUrl) }),
  },
];

function opencodeConfig(modelUrl) {
  const model = { name: "Scripted", tool_call: true, limit: { context: 200_000, output: 8_000 } };
  return {
    provider: {
      fake: {
        npm: "@ai-sdk/openai-compatible",
        name: "Scripted",
        options: { baseURL: `${modelUrl}/v1`, apiKey: "fake" },
        models: { "fake-model": model },
      },
    },
    model: "fake/fake-model",
    small_model: "fake/fake-model",
    enabled_providers: ["fake"],
    autoupdate: false,
    share: "disabled",
  };
}

function codexConfig(modelUrl) {
  // A model name that Codex does not know gives plain function tools; newer known ones hide them behind a search.
  return `model = "scripted"
model_provider = "fake"
check_for_update_on_startup = false

[model_providers.fake]
name = "Scripted"
base_url = "${modelUrl}/v1"
env_key = "OPENAI_API_KEY"
wire_api = "responses"
requires_openai_auth = false
supports_websockets = false
request_max_retries = 1
stream_max_retries = 1
`;
}
