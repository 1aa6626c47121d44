#!/usr/bin/env node
// An agent that is played by the test: it carries bytes between its stdio and the Unix socket named by its first argument,
// and ends with code 7 when the test hangs up. With --say TEXT it says that and what follows it, and ends.
import { connect } from "node:net";

const [path, ...rest] = process.argv.slice(2);
const say = rest.indexOf("--say");

if (say === -1) {
  const stage = connect(path);
  stage.on("error", () => process.exit(8));
  stage.on("close", () => process.exit(7));
  process.stdin.pipe(stage);
  stage.pipe(process.stdout);
} else {
  const words = { said: rest.slice(say + 1), env: process.env.MIRROR_LOGIN ?? null };
  process.stdout.write(`${JSON.stringify(words)}\n`);
}
