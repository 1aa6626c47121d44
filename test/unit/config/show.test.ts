import { expect, test } from "vitest";
import { describeConfig } from "../../../src/config/show.ts";
import { configFolder } from "./config-folder.ts";

function described(toml: string, env: Record<string, string> = {}) {
  const folder = configFolder();
  const file = folder.write("c.toml", toml);
  const description = describeConfig(folder.request({ file, env }));
  const values = new Map(
    description.values.map(({ key, value, origin }) => [key, [value, origin.replace(file, "c.toml")]]),
  );
  return { file, description, values };
}

test("every value is shown with where it comes from", () => {
  const { values, description, file } = described(`[server]
max_agents = 5
[acp.agents.house]
extends = "gemini"
env.A = "1"
delegation.enabled = true
[acp.agents.x]
extends = "house"
model = "m"
env."B.C" = "2"
[acp.agents.x.delegation]
max_depth = 2
`);
  expect(description.file).toBe(file);
  expect(Object.fromEntries(values)).toMatchObject({
    "server.max_agents": [5, "c.toml:2"],
    "server.log_level": ["info", "default"],
    "server.socket": [null, "default"],
    "acp.default_agent": [null, "default"],
    "acp.agents.x.extends": ["house", "c.toml:8"],
    "acp.agents.x.command": ["gemini", "built-in gemini"],
    "acp.agents.x.args": [["--acp"], "built-in gemini"],
    "acp.agents.x.model": ["m", "c.toml:9"],
    "acp.agents.x.env.A": ["1", "c.toml:5"],
    'acp.agents.x.env."B.C"': ["2", "c.toml:10"],
    "acp.agents.x.delegation.enabled": [true, "c.toml:6"],
    "acp.agents.x.delegation.max_depth": [2, "c.toml:12"],
    "acp.agents.x.delegation.allowed_targets": ["all", "default"],
    "acp.agents.claude.command": ["claude-agent-acp", "built-in claude"],
    "acp.agents.claude.extends": [null, "default"],
  });
  expect(() => JSON.stringify(description)).not.toThrow();
});

test("without a file everything is built in or a default", () => {
  const description = describeConfig(configFolder().request());
  expect(description.file).toBeNull();
  expect(new Set(description.values.map(({ origin }) => origin.split(" ")[0]))).toEqual(
    new Set(["default", "built-in"]),
  );
});

test("no secret is shown, wherever it stands and wherever it comes from", () => {
  const { description, values } = described(
    `
[acp.agents.x]
command = "agent"
args = ["--api-key", "hunter2", "--token=hunter2", "--model", "opus", "--auth", "--fast"]
description = "call me with sk-live-hunter2hunter2"
instructions = "password: hunter2"
[acp.agents.x.env]
OPENAI_API_KEY = "hunter2"
PGPASSWORD = "hunter2"
INNOCENT = "\${GITHUB_TOKEN}"
DEFAULTED = "\${MY_SECRET:-hunter2}"
URL = "https://me:hunter2@example.org/"
HASH = "ghp_hunter2hunter2hunter2hunter2hunter2"
PLAIN = "visible"
`,
    { GITHUB_TOKEN: "hunter2" },
  );
  expect(JSON.stringify(description)).not.toContain("hunter2");
  expect(values.get("acp.agents.x.env.OPENAI_API_KEY")).toEqual(["[redacted]", "c.toml:8"]);
  expect(values.get("acp.agents.x.env.PLAIN")?.[0]).toBe("visible");
  expect(values.get("acp.agents.x.args")?.[0]).toEqual([
    "--api-key",
    "[redacted]",
    "--token=[redacted]",
    "--model",
    "opus",
    "--auth",
    "--fast",
  ]);
});
