// An agent whose login is a terminal program: itself with `--login`, which asks for a word and ends with 7.
import { createInterface } from "node:readline";

const lines = createInterface({ input: process.stdin });
if (process.argv.includes("--login")) {
  process.stdout.write(`logging in at ${process.env.LOGIN_SERVER}, terminal ${process.env.TERM}\n`);
  lines.once("line", (word) => {
    process.stdout.write(`welcome, ${word}\n`);
    process.exit(7);
  });
} else {
  const login = { id: "login", name: "Log in", type: "terminal", args: ["--login"], env: { LOGIN_SERVER: "home" } };
  const result = { protocolVersion: 1, agentCapabilities: {}, authMethods: [login] };
  lines.on("line", (line) => console.log(JSON.stringify({ jsonrpc: "2.0", id: JSON.parse(line).id, result })));
}
