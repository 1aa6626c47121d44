#!/usr/bin/env node
// Checks the Node.js version before anything that needs it is loaded, then hands over to the command line.
const [major, minor] = process.versions.node.split(".").map(Number);

if (major < 20 || (major === 20 && minor < 19)) {
  process.stderr.write(
    `error: crucible needs Node.js 20.19 or later, but this is ${process.versions.node} [CRU_NODE_VERSION]\n\n` +
      "hint: install a current Node.js, or point your editor at one (editors often find an older one first)\n",
  );
  process.exit(2);
}

await import("../dist/cli/main.js");
