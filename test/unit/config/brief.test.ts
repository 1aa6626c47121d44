/** The words a profile puts behind every task it is given: placeholders that exist, and one error for each that does not. */
import { expect, test } from "vitest";
import { fillBrief } from "../../../src/config/brief-template.ts";
import { loadConfig } from "../../../src/config/load.ts";
import { configFolder } from "./config-folder.ts";

const values = { from: "my-claude", cwd: "/src/app" };

function load(toml: string) {
  const folder = configFolder();
  return loadConfig(folder.request({ file: folder.write("crucible.toml", toml) }));
}

test("placeholders are filled wherever they stand, and as often", () => {
  expect(fillBrief("{from}: work in {cwd}, {from} waits", values)).toBe("my-claude: work in /src/app, my-claude waits");
});

test("what is no word in braces stays as it is", () => {
  const text = 'Answer as {"done": [], "open": {}} or { from }';
  expect(fillBrief(text, values)).toBe(text);
});

test("a value that looks like a placeholder or a replacement pattern is not filled again", () => {
  expect(fillBrief("{from} {cwd}", { from: "{cwd}", cwd: "$&$1" })).toBe("{cwd} $&$1");
});

test("an unknown placeholder is an error at its place, with the nearest that exists", () => {
  const toml = ["[acp.agents.a]", 'extends = "claude"', 'brief = "ask {frm}"'].join("\n");
  expect(() => load(toml)).toThrow(
    /crucible\.toml:3:\d+: brief: there is no placeholder \{frm\}; did you mean "from"\?/,
  );
});

test("a profile inherits the words of the one it extends, and can have none", () => {
  const config = load(
    [
      "[acp.agents.a]",
      'command = "a"',
      'brief = "Be short."',
      "[acp.agents.b]",
      'extends = "a"',
      "[acp.agents.c]",
      'extends = "a"',
      'brief = ""',
    ].join("\n"),
  );
  expect(["a", "b", "c"].map((name) => config.agents.get(name)?.brief)).toEqual(["Be short.", "Be short.", ""]);
  expect(config.agents.get("claude")?.brief).toBeUndefined();
});
