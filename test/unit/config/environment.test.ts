/** Which variables of the daemon an agent gets: the way around on this machine, its own vendor's, and nobody else's secrets. */
import { expect, test } from "vitest";
import { builtInProfiles } from "../../../src/config/builtin-profiles.ts";
import { commonNames, environmentNames, inheritedNames } from "../../../src/config/environment.ts";
import { isSecretName } from "../../../src/base/secrets.ts";

/** By vendor: credentials as they stand in the environments of people who use all of them. */
const credentials = {
  claude: ["ANTHROPIC_API_KEY", "ANTHROPIC_AUTH_TOKEN", "CLAUDE_CODE_OAUTH_TOKEN"],
  codex: ["OPENAI_API_KEY", "CODEX_API_KEY", "AZURE_OPENAI_API_KEY"],
  gemini: ["GEMINI_API_KEY", "GOOGLE_API_KEY", "GOOGLE_APPLICATION_CREDENTIALS"],
  opencode: ["OPENCODE_API_KEY"],
  cursor: ["CURSOR_API_KEY"],
};
const nobodys = [
  ..."AWS_SECRET_ACCESS_KEY AWS_SESSION_TOKEN GITHUB_TOKEN GH_TOKEN GITLAB_TOKEN NPM_TOKEN HF_TOKEN DATABASE_URL".split(
    " ",
  ),
  ..."MISTRAL_API_KEY GROQ_API_KEY XAI_API_KEY OPENROUTER_API_KEY DEEPSEEK_API_KEY AZURE_CLIENT_SECRET PGPASSWORD".split(
    " ",
  ),
  ..."KUBECONFIG DOCKER_AUTH_CONFIG SLACK_TOKEN STRIPE_SECRET_KEY VAULT_TOKEN OTEL_EXPORTER_OTLP_HEADERS TRACEPARENT SOME_VARIABLE LD_PRELOAD NODE_OPTIONS".split(
    " ",
  ),
];
const everything = [
  ...Object.values(credentials).flat(),
  ...nobodys,
  "PATH",
  "HOME",
  "LC_ALL",
  "XDG_STATE_HOME",
  "https_proxy",
];
const env = Object.fromEntries(everything.map((name) => [name, "value"]));
const common = ["HOME", "LC_ALL", "PATH", "XDG_STATE_HOME", "https_proxy"];

test.each(Object.entries(credentials))("%s gets the credentials of its own vendor and of no other", (family, own) => {
  expect(inheritedNames({ family }, env).toSorted()).toEqual([...common, ...own].toSorted());
});

test("an agent of the user's own gets none", () => {
  expect(inheritedNames({ family: undefined }, env).toSorted()).toEqual(common.toSorted());
});

test("no name that every agent gets looks like a secret, and every built-in profile is known here", () => {
  expect(commonNames.filter((name) => isSecretName(name.replace("*", "")) && name !== "SSH_AUTH_SOCK")).toEqual([]);
  expect(Object.keys(credentials).toSorted()).toEqual([...builtInProfiles.keys()].toSorted());
});

test.each([
  ["CLAUDE_CODE_USE_BEDROCK", "AWS_SECRET_ACCESS_KEY"],
  ["CLAUDE_CODE_USE_VERTEX", "GOOGLE_APPLICATION_CREDENTIALS"],
  ["CLAUDE_CODE_USE_FOUNDRY", "AZURE_CLIENT_SECRET"],
])("with %s claude reaches its models through another vendor, and gets %s", (choice, name) => {
  const isGiven = (value: string): boolean =>
    inheritedNames({ family: "claude" }, { ...env, [choice]: value }).includes(name);
  expect(["1", "true"].map(isGiven)).toEqual([true, true]);
  expect(["", "0", "false"].map(isGiven)).toEqual([false, false, false]);
  expect(inheritedNames({ family: "codex" }, { ...env, [choice]: "1" })).not.toContain(name);
});

test("what a profile names it gets, and shows by name only", () => {
  const profile = { family: undefined, env: { GITHUB_TOKEN: "secret", EXTRA: "x" } };
  expect(environmentNames(profile, env)).toEqual([...common, "EXTRA", "GITHUB_TOKEN"].toSorted());
});
