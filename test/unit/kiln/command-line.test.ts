/** By which names rules know a command: none may be hidden behind quotes, a shell, or variables. */
import { expect, test } from "vitest";
import { namesOfCommand } from "../../../src/kiln/command-line.ts";

test.each([
  [{ command: "npm", args: ["test"] }, ["npm test"]],
  [{ command: "npm test && rm -r x" }, ["npm test && rm -r x"]],
  [{ command: "rm", args: ["a b"] }, ["rm 'a b'"]],
  [{ command: "/bin/bash", args: ["-lc", "rm -r x"] }, ["/bin/bash -lc 'rm -r x'", "rm -r x"]],
  [
    { command: "git", args: ["status"], env: [{ name: "PATH", value: "/kiln/evil tools" }] },
    ["git status", "PATH='/kiln/evil tools' git status"],
  ],
])("%j", (params, names) => {
  expect(namesOfCommand(params)).toEqual(names);
});

test.each([[{}], [{ command: 7 }], [{ command: "a", env: [{ name: "A" }] }], [{ command: "a", env: ["A=b"] }]])(
  "%j is no command",
  (params) => {
    expect(() => namesOfCommand(params)).toThrow(expect.objectContaining({ code: "CRU_REQUEST_INVALID" }) as Error);
  },
);
