/**
 * Runs before each test file (vitest.config.ts): what whoever runs the tests has set for programs of theirs is nothing that a test
 * meets. Neither is their terminal: tests are about the ordinary one.
 */
const theirs = /^(?:git_|crucible_|otel_|xdg_|(?:force|no)_color$|\w+_proxy$)/i;

for (const name of Object.keys(process.env)) if (theirs.test(name)) delete process.env[name];
process.env["TERM"] = "xterm";
