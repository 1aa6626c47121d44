#!/usr/bin/env node
// A deterministic ACP agent for tests and benchmarks: does what the directives in a prompt say, and misbehaves on request.
// The directives are listed in scripted/directives.mjs, the flags in scripted/options.mjs. Raw JSON-RPC, no SDK.
import { createAgent } from "./scripted/agent.mjs";
import { readOptions } from "./scripted/options.mjs";
import { openWire } from "./scripted/wire.mjs";

const options = readOptions(process.argv.slice(2), process.env);

if (options.stderrBanner) process.stderr.write(`${options.stderrBanner}\n`);
if (options.banner) process.stdout.write(`${options.banner}\n`);
if (options.ignoreSigterm) process.on("SIGTERM", () => {});
// Nothing else keeps the process up once stdin has ended.
if (options.ignoreEof) setInterval(() => {}, 60_000);

const wire = openWire({
  input: process.stdin,
  output: process.stdout,
  logFile: options.log,
  onEnd: () => {
    if (!options.ignoreEof) process.exit(0);
  },
});
wire.serve(createAgent(wire, options));
