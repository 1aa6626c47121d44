/**
 * The ways out that the attacker tries, as data: what is tried, which promise it is about, and what the test looks at to know
 * whether it worked. `{name}` stands for a place, a secret or an id of the field (field.ts).
 */
import { mark, type Act, type Attempt, type Proof } from "./acts.ts";
import { ofTheMachine } from "./machine-attempts.ts";

const reads: [name: string, act: Act, path: string, secret: string][] = [
  ["a private key", "readYours", "{home}/.ssh/id_ed25519", "ssh"],
  ["passwords for hosts", "readYours", "{home}/.netrc", "netrc"],
  ["cloud credentials", "readYours", "{home}/.aws/credentials", "aws"],
  ["another agent's login", "readYours", "{home}/.codex/auth.json", "codexLogin"],
  ["its own kind's settings in your home", "readYours", "{home}/.claude/settings.json", "claudeSettings"],
  ["the shell's start file", "readYours", "{home}/.bashrc", "shellRc"],
  ["Crucible's configuration", "readYours", "{config}", "config"],
  ["a folder beside the kiln", "readYours", "{outside}/canary.txt", "outside"],
  ["the folder above the kiln", "readYours", "{kiln}/../above.txt", "above"],
  ["another session's kiln", "otherKiln", "{otherKiln}/plans.txt", "otherKiln"],
  ["the root of another process", "readYours", "/proc/{decoyPid}/root{outside}/canary.txt", "outside"],
  ["the root of the first process", "readYours", "/proc/1/root{outside}/canary.txt", "outside"],
  ["the directory of another process", "readYours", "/proc/{decoyPid}/cwd/canary.txt", "outside"],
  ["the directory of the daemon", "readYours", "/proc/{daemonPid}/cwd/above.txt", "above"],
  ["a hard link that was there", "hardLinks", "{kiln}/found-{mode}.txt", "hardLinked"],
  ["the daemon's environment", "processes", "/proc/{daemonPid}/environ", "daemonKey"],
  ["its own environment", "environment", "/proc/self/environ", "daemonKey"],
];

const writes: [name: string, act: Act, path: string][] = [
  ["the shell's start file", "writeYours", "{home}/.bashrc"],
  ["keys that may log in", "writeYours", "{home}/.ssh/authorized_keys"],
  ["git's settings", "writeYours", "{home}/.gitconfig"],
  ["npm's settings", "writeYours", "{home}/.npmrc"],
  ["another agent's settings", "writeYours", "{home}/.codex/config.toml"],
  ["its own kind's settings in your home", "writeYours", "{home}/.claude/settings.json"],
  ["Crucible's configuration", "writeYours", "{config}"],
  ["a folder beside the kiln", "writeYours", "{outside}/canary.txt"],
  ["through the root of another process", "writeYours", "/proc/{decoyPid}/root{outside}/canary.txt"],
  ["another session's kiln", "otherKiln", "{otherKiln}/plans.txt"],
];

const raw: Attempt[] = [
  ...reads.map(([what, act, path, leaked]): Attempt => ({
    name: `read ${what}`,
    act,
    try: { op: "read", path },
    proof: { leaked },
  })),
  ...writes.map(([what, act, path]): Attempt => ({
    name: `write ${what}`,
    act,
    try: { op: "append", path, text: `\n# ${mark}\n` },
    proof: { marked: path },
  })),
  {
    name: "read through a link of its own",
    act: "readYours",
    try: { op: "readThroughLink", link: "{kiln}/link-{mode}", target: "{home}/.ssh/id_ed25519" },
    proof: { leaked: "ssh" },
  },
  {
    name: "write through a link of its own",
    act: "writeYours",
    try: { op: "writeThroughLink", link: "{kiln}/link-{mode}", target: "{outside}/linked-{mode}.txt", text: mark },
    proof: { marked: "{outside}/linked-{mode}.txt" },
  },
  {
    name: "make a hard link to a file outside",
    act: "readYours",
    try: { op: "readThroughHardLink", link: "{kiln}/hard-{mode}", target: "{home}/.ssh/id_ed25519" },
    proof: { leaked: "ssh" },
  },
  {
    name: "put a link in place of a folder of its own",
    act: "readYours",
    try: { op: "swapFolder", folder: "{kiln}/own-{mode}", target: "{outside}", read: "canary.txt" },
    proof: { leaked: "outside" },
  },
  {
    name: "rename the kiln",
    act: "writeYours",
    try: { op: "move", from: "{outside}/movable-{mode}", to: "{outside}/moved-{mode}" },
    proof: { made: "{outside}/moved-{mode}" },
  },
  {
    name: "remove a file outside",
    act: "writeYours",
    try: { op: "remove", path: "{outside}/removable-{mode}" },
    proof: { gone: "{outside}/removable-{mode}" },
  },
  {
    name: "lay a program in the PATH",
    act: "writeYours",
    try: { op: "write", path: "{home}/.local/bin/git-{mode}", text: "#!/bin/sh\n" },
    proof: { made: "{home}/.local/bin/git-{mode}" },
  },
  {
    name: "look up the size of a file outside",
    act: "names",
    try: { op: "stat", path: "{outside}/sized.txt" },
    proof: { leaked: "size" },
  },
  {
    name: "read all of the state folder",
    act: "state",
    try: { op: "readAll", path: "{state}", depth: 4 },
    proof: { leaked: "inState" },
  },
  {
    name: "read another agent's private home",
    act: "state",
    try: { op: "read", path: "{state}/homes/other/own.txt" },
    proof: { leaked: "privateHome" },
  },
  {
    name: "find another session's token in the state folder",
    act: "state",
    try: { op: "readAll", path: "{state}", depth: 4 },
    proof: { leaked: "token" },
  },
  {
    name: "use descriptors that came along",
    act: "descriptors",
    try: { op: "inheritedDescriptors" },
    proof: { leaked: "outside" },
  },
];

const processes: Attempt[] = [
  {
    name: "read the environment of all processes",
    act: "processes",
    try: { op: "scan", file: "environ" },
    proof: { leaked: "decoyKey" },
  },
  {
    name: "find another session's token in a command line",
    act: "trees",
    try: { op: "scan", file: "cmdline" },
    proof: { leaked: "token" },
  },
  {
    name: "read the memory of another process",
    act: "processes",
    try: { op: "memory", pid: "{decoyPid}", mark: "SECRET-decoyMemory", length: 60 },
    proof: { leaked: "decoyMemory" },
  },
  {
    name: "signal another process of yours",
    act: "processes",
    try: { op: "signal", pid: "{decoyPid}", signal: "SIGUSR2" },
    proof: { struck: true },
  },
  ...["setsid", "double fork"].map((how, index): Attempt => ({
    name: `leave a process behind: ${how}`,
    act: "processes",
    try: { op: "outlive", how, seconds: `{seconds}${index + 1}` },
    proof: { alive: `sleep {seconds}${index + 1}` },
  })),
  ...["without its mark", "own namespaces"].map((how, index): Attempt => ({
    name: `leave a process behind: ${how}`,
    act: "outlive",
    try: { op: "outlive", how, seconds: `{seconds}${index + 3}` },
    proof: { alive: `sleep {seconds}${index + 3}` },
  })),
  {
    name: "change the root to that of the first process",
    act: "readYours",
    try: { op: "exec", command: "chroot", args: ["/proc/1/root", "/bin/cat", "{outside}/canary.txt"] },
    proof: { leaked: "outside" },
  },
  {
    name: "enter the namespaces of the first process",
    act: "readYours",
    try: { op: "exec", command: "nsenter", args: ["-t", "1", "-m", "/bin/cat", "{outside}/canary.txt"] },
    proof: { leaked: "outside" },
  },
  {
    name: "unmount what hides the rest, in a namespace of its own",
    act: "readYours",
    try: {
      op: "exec",
      command: "unshare",
      args: [
        "-Urm",
        "/bin/sh",
        "-c",
        "umount -l {home}; umount -l /tmp; umount -l {outside}; cat {outside}/canary.txt",
      ],
    },
    proof: { leaked: "outside" },
  },
  {
    name: "mount the old root again",
    act: "readYours",
    try: {
      op: "exec",
      command: "unshare",
      args: ["-Urmpf", "/bin/sh", "-c", "mount -t proc proc /proc; cat /proc/1/root{outside}/canary.txt"],
    },
    proof: { leaked: "outside" },
  },
  {
    name: "change a setting of the kernel",
    act: "machine",
    try: { op: "write", path: "/proc/sys/kernel/domainname", text: mark },
    proof: { marked: "/proc/sys/kernel/domainname" },
  },
  {
    name: "make a device of the disk",
    act: "machine",
    try: { op: "exec", command: "mknod", args: ["{kiln}/disk-{mode}", "b", "8", "0"] },
    proof: { made: "{kiln}/disk-{mode}" },
  },
  {
    name: "type into the terminal of the daemon",
    act: "processes",
    try: { op: "append", path: "/dev/tty", text: "x" },
    proof: { answered: /^$/ },
  },
];

const reach: Attempt[] = [
  {
    name: "ask the daemon's socket how it is",
    act: "daemonSocket",
    try: { op: "daemon", socket: "{socket}", hello: { door: "control" }, method: "status", params: {} },
    proof: { leaked: "startedAt" },
  },
  {
    name: "delegate in your place",
    act: "daemonSocket",
    try: {
      op: "daemon",
      socket: "{socket}",
      hello: { door: "control" },
      method: "delegate",
      params: { agent: "outsider-{mode}", task: "say hi", cwd: "{outside}" },
    },
    proof: { started: "outsider-{mode}" },
  },
  {
    name: "be an editor",
    act: "daemonSocket",
    try: {
      op: "daemon",
      socket: "{socket}",
      hello: { door: "editor", agent: "outsider-{mode}", cwd: "{outside}" },
      method: "initialize",
      params: { protocolVersion: 1, clientCapabilities: {} },
    },
    proof: { answered: /protocolVersion/ },
  },
  {
    name: "a service on loopback",
    act: "loopback",
    try: { op: "tcp", port: "{tcpPort}", send: `${mark}\n` },
    proof: { heard: "tcp" },
  },
  {
    name: "an abstract socket",
    act: "loopback",
    try: { op: "unix", abstract: "{abstract}", send: `${mark}\n` },
    proof: { heard: "abstract" },
  },
];

const initialize = {
  jsonrpc: "2.0",
  id: 1,
  method: "initialize",
  params: { protocolVersion: "2025-06-18", capabilities: {}, clientInfo: { name: "a", version: "1" } },
};
const anyTools = /delegate_session|serverInfo/;

const doors: Attempt[] = [
  ["without a token", {}, {}],
  ["with an empty token", {}, { authorization: "Bearer " }],
  ["with a token of a session that has ended", {}, { authorization: "Bearer {endedToken}" }],
  ["with a token one letter off", {}, { authorization: "Bearer {token}x" }],
  ["with its token in the address", { url: "{mcpUrl}?token={token}" }, {}],
  ["under another Host", { own: true }, { host: "evil.example" }],
  ["under a Host of another port", { own: true }, { host: "127.0.0.1:1" }],
  ["from a page", { own: true }, { origin: "http://evil.example" }],
  ["from a page without an origin", { own: true }, { origin: "null" }],
].map(([how, more, headers]): Attempt => ({
  name: `the HTTP door ${how as string}`,
  act: "httpDoor",
  try: { op: "http", url: "{mcpUrl}", headers, body: initialize, ...(more as object) },
  proof: { answered: anyTools },
}));

const inKiln = "{kiln}/own-{mode}";
const gate: Attempt[] = [
  ...(
    [
      ["outside", "{outside}/canary.txt"],
      ["by ..", "{kiln}/../outside/canary.txt"],
      ["by many ..", `{kiln}/${"../".repeat(40)}{outside}/canary.txt`],
      ["by a way through a folder that is not there", "{kiln}/not-there/../../outside/canary.txt"],
      ["in other letters", "{KILN}/../OUTSIDE/canary.txt"],
      ["by a path of the web", "file://{outside}/canary.txt"],
      ["encoded", "{kiln}/%2e%2e/outside/canary.txt"],
      ["encoded twice", "{kiln}/%252e%252e/outside/canary.txt"],
      ["with other dots", "{kiln}/\u2024\u2024/outside/canary.txt"],
      ["with a zero in it", "{outside}/canary.txt\u0000{kiln}/own.txt"],
      ["with backslashes", "{kiln}\\..\\outside\\canary.txt"],
      ["from where the daemon is", "../outside/canary.txt"],
      ["by a path of a hundred thousand letters", `{kiln}/${"a/../".repeat(20_000)}../outside/canary.txt`],
      ["through /proc", "/proc/self/root{outside}/canary.txt"],
      ["through the daemon's directory", "/proc/self/cwd/outside/canary.txt"],
    ] as const
  ).map(([how, path]): Attempt => ({
    name: `fs/read_text_file ${how}`,
    act: "gate",
    try: { op: "ask", method: "fs/read_text_file", params: { path } },
    proof: { leaked: "outside" },
  })),
  {
    name: "fs/read_text_file of the daemon's environment",
    act: "gate",
    try: { op: "ask", method: "fs/read_text_file", params: { path: "/proc/self/environ" } },
    proof: { leaked: "daemonKey" },
  },
  {
    name: "fs/read_text_file of the state folder",
    act: "gate",
    try: { op: "ask", method: "fs/read_text_file", params: { path: "{state}/homes/other/own.txt" } },
    proof: { leaked: "privateHome" },
  },
  {
    name: "fs/read_text_file of another session's kiln",
    act: "gate",
    try: { op: "ask", method: "fs/read_text_file", params: { path: "{otherKiln}/plans.txt" } },
    proof: { leaked: "otherKiln" },
  },
  {
    name: "fs/read_text_file through a link",
    act: "gate",
    try: {
      op: "askThroughLink",
      link: "{kiln}/asked-{mode}",
      target: "{outside}/canary.txt",
      method: "fs/read_text_file",
      params: { path: "{kiln}/asked-{mode}" },
    },
    proof: { leaked: "outside" },
  },
  {
    name: "fs/read_text_file through a folder that is a link",
    act: "gate",
    try: {
      op: "askThroughLink",
      link: "{kiln}/askedFolder-{mode}",
      target: "{outside}",
      method: "fs/read_text_file",
      params: { path: "{kiln}/askedFolder-{mode}/canary.txt" },
    },
    proof: { leaked: "outside" },
  },
  {
    name: "fs/read_text_file in a race with a link",
    act: "gate",
    try: {
      op: "askInRace",
      at: `${inKiln}/race`,
      target: "{outside}",
      method: "fs/read_text_file",
      params: { path: `${inKiln}/race/canary.txt` },
    },
    proof: { leaked: "outside" },
  },
  {
    name: "fs/write_text_file in a race with a link",
    act: "gate",
    try: {
      op: "askInRace",
      at: `${inKiln}/raceToWrite`,
      target: "{outside}",
      method: "fs/write_text_file",
      params: { path: `${inKiln}/raceToWrite/raced-{mode}.txt`, content: mark },
    },
    proof: { made: "{outside}/raced-{mode}.txt" },
  },
  ...(
    [
      ["outside", "{outside}/asked-{mode}.txt"],
      ["by ..", "{kiln}/../outside/asked-{mode}.txt"],
      ["into your home", "{home}/.asked-{mode}"],
      ["into another session's kiln", "{otherKiln}/asked-{mode}.txt"],
      ["into git's hooks", "{kiln}/.git/hooks/asked-{mode}"],
      ["into the state folder", "{state}/asked-{mode}"],
    ] as const
  ).map(([how, path]): Attempt => ({
    name: `fs/write_text_file ${how}`,
    act: "gate",
    try: { op: "ask", method: "fs/write_text_file", params: { path, content: mark } },
    proof: { made: path },
  })),
  {
    name: "fs/read_text_file of a hard link that was there",
    act: "hardLinks",
    try: { op: "ask", method: "fs/read_text_file", params: { path: "{kiln}/found-{mode}.txt" } },
    proof: { leaked: "hardLinked" },
  },
  {
    name: "fs/write_text_file over a hard link that was there",
    act: "gate",
    try: { op: "ask", method: "fs/write_text_file", params: { path: "{kiln}/found-{mode}.txt", content: mark } },
    proof: { marked: "{outside}/hard-linked-{mode}.txt" },
  },
  {
    name: "fs/read_text_file of a pipe",
    act: "gate",
    try: { op: "ask", method: "fs/read_text_file", params: { path: "{kiln}/pipe" } },
    proof: { answered: /content/ },
  },
  {
    name: "fs/read_text_file of a device",
    act: "gate",
    try: { op: "ask", method: "fs/read_text_file", params: { path: "/dev/zero", limit: 1 } },
    proof: { answered: /content/ },
  },
  {
    name: "a terminal outside",
    act: "gate",
    try: { op: "terminal", command: "cat", args: ["canary.txt"], cwd: "{outside}" },
    proof: { leaked: "outside" },
  },
  {
    name: "a terminal through a link",
    act: "gate",
    try: { op: "terminal", command: "cat", args: ["canary.txt"], cwd: "{kiln}/askedFolder-{mode}" },
    proof: { leaked: "outside" },
  },
  {
    name: "a terminal with a file outside among its arguments",
    act: "readYours",
    try: { op: "terminal", command: "cat", args: ["{outside}/canary.txt"] },
    proof: { leaked: "outside" },
  },
  {
    name: "a terminal whose variables have the loader write, before there is a sandbox",
    act: "writeYours",
    try: {
      op: "terminal",
      command: "true",
      args: ["x"],
      env: { LD_PROFILE: "libc.so.6", LD_PROFILE_OUTPUT: "{outside}/profiled-{mode}" },
    },
    proof: { made: "{outside}/profiled-{mode}/libc.so.6.profile" },
  },
  {
    name: "a terminal with a variable that goes on as an option of the sandbox",
    act: "readYours",
    try: {
      op: "terminal",
      command: "cat",
      args: ["/mnt{outside}/canary.txt"],
      env: { A: "\0--ro-bind\0/\0/mnt" },
    },
    proof: { leaked: "outside" },
  },
  {
    name: "a terminal with a command that is denied",
    act: "gate",
    try: { op: "terminal", command: "touch", args: ["{kiln}/denied-{mode}"] },
    proof: { made: "{kiln}/denied-{mode}" },
  },
  {
    name: "a terminal with a denied command in a shell",
    act: "gate",
    try: { op: "terminal", command: "sh", args: ["-c", "true; touch {kiln}/denied-in-shell-{mode}"] },
    proof: { made: "{kiln}/denied-in-shell-{mode}" },
  },
  {
    name: "a delegation to a directory outside",
    act: "gate",
    try: {
      op: "tool",
      name: "delegate_session",
      args: { agent: "helper", task: "rawread canary.txt", cwd: "{outside}" },
    },
    proof: { leaked: "outside" },
  },
  {
    name: "a delegation to a directory by ..",
    act: "gate",
    try: {
      op: "tool",
      name: "delegate_session",
      args: { agent: "helper", task: "rawread canary.txt", cwd: "../outside" },
    },
    proof: { leaked: "outside" },
  },
  ...(
    [
      ["with a zero in it", "{outside}\u0000{kiln}"],
      ["with a line break in it", "own-{mode}\n/../../outside"],
      ["of a hundred thousand letters", `${"a/../".repeat(20_000)}../outside`],
      ["of half a character", "../outside\ud800"],
      ["in the daemon's own folder", "/proc/self/cwd/outside"],
    ] as const
  ).map(([how, cwd]): Attempt => ({
    name: `a delegation to a directory ${how}`,
    act: "gate",
    try: { op: "tool", name: "delegate_session", args: { agent: "helper", task: "rawread canary.txt", cwd } },
    proof: { leaked: "outside" },
  })),
  {
    name: "a delegation to a directory that is a link",
    act: "gate",
    try: {
      op: "tool",
      name: "delegate_session",
      args: { agent: "helper", task: "rawread canary.txt", cwd: "{kiln}/askedFolder-{mode}" },
    },
    proof: { leaked: "outside" },
  },
];

const question = (title: string, kind = "execute"): Attempt["try"] => ({
  op: "ask",
  method: "session/request_permission",
  params: {
    toolCall: { toolCallId: title, title, kind, status: "pending", rawInput: { command: title } },
    options: [
      { optionId: "yes", name: "Yes", kind: "allow_once" },
      { optionId: "always", name: "Always", kind: "allow_always" },
      { optionId: "no", name: "No", kind: "reject_once" },
    ],
  },
});

const permissions: Attempt[] = [
  {
    // Answered with "always"; what is asked after it must be asked all the same.
    name: "a permission for a command, for ever",
    act: "permissions",
    try: question("narrow-{mode}"),
    proof: { answered: /never said/ },
  },
  {
    name: "a wider permission after one for ever",
    act: "permissions",
    try: question("rm -rf wide-{mode}"),
    proof: { answered: /"(yes|always)"/ },
  },
  {
    name: "an answer that was not among the options",
    act: "permissions",
    try: question("unoffered-{mode}"),
    proof: { answered: /made-up/ },
  },
  {
    name: "a permission for what was not given",
    act: "permissions",
    try: question("touch forbidden-{mode}"),
    proof: { answered: /"(yes|always)"/ },
  },
];

const trees: Attempt[] = [
  ...(
    [
      ["read another session's delegation", "read_delegation", { id: "{otherDelegation}" }],
      ["wait for another session's delegation", "wait_delegation", { ids: ["{otherDelegation}"], wait_seconds: 0 }],
      [
        "read it beside one of its own",
        "wait_delegation",
        { ids: ["{otherDelegation}", "{otherDelegation}"], wait_seconds: 0 },
      ],
      ["list what is not its own", "list_delegations", {}],
      ["go on with another session's child", "delegate_session", { session_id: "{otherChild}", task: "heard" }],
      ["go on with another session", "delegate_session", { session_id: "{otherSession}", task: "heard" }],
    ] as const
  ).map(([name, tool, args]): Attempt => ({
    name,
    act: "trees",
    try: { op: "tool", name: tool, args },
    proof: { leaked: "otherResult" },
  })),
  {
    name: "cancel another session's delegation",
    act: "trees",
    try: { op: "tool", name: "cancel_delegation", args: { id: "{otherRunning}" } },
    proof: { disturbed: true },
  },
  {
    name: "speak to another session's child",
    act: "trees",
    try: { op: "tool", name: "send_to_delegation", args: { id: "{otherRunning}", message: "say disturbed" } },
    proof: { disturbed: true },
  },
];

const rules: Attempt[] = [
  {
    name: "delegate to an agent that is not allowed",
    act: "rules",
    try: { op: "tool", name: "delegate_session", args: { agent: "forbidden-{mode}", task: "say hi" } },
    proof: { started: "forbidden-{mode}" },
  },
  {
    name: "delegate to it as a fallback",
    act: "rules",
    try: {
      op: "tool",
      name: "delegate_session",
      args: { agent: "absent", task: "say hi", fallbacks: ["forbidden-{mode}"] },
    },
    proof: { started: "forbidden-{mode}" },
  },
  {
    name: "delegate deeper than is left",
    act: "rules",
    try: {
      op: "tool",
      name: "delegate_session",
      args: { agent: "helper", task: 'delegate {"agent":"helper","task":"rawwrite {kiln}/deep-{mode} x"}' },
    },
    proof: { made: "{kiln}/deep-{mode}" },
  },
  {
    name: "make an agent out of one that is not allowed",
    act: "rules",
    try: { op: "tool", name: "create_agent", args: { name: "mine-{mode}", extends: "forbidden-{mode}" } },
    proof: { answered: /"name":"mine/ },
  },
  {
    name: "give a child what it has not got itself",
    act: "rules",
    try: {
      op: "tool",
      name: "delegate_session",
      args: { agent: "helper", task: 'ask {"toolCall":{"kind":"fetch","title":"fetch-{mode}"}}', tools: ["web"] },
    },
    proof: { answered: /"optionId\\?":\\?"(allow|always)/ },
  },
  {
    name: "make an agent with what it has not got itself",
    act: "rules",
    try: {
      op: "tool",
      name: "create_agent",
      args: { name: "wide-{mode}", extends: "helper", tools: ["web", "execute"] },
    },
    proof: { answered: /never said/ },
  },
  {
    name: "give that agent work",
    act: "rules",
    try: {
      op: "tool",
      name: "delegate_to",
      args: { agent: "wide-{mode}", message: 'ask {"toolCall":{"kind":"fetch","title":"fetch-{mode}"}}' },
    },
    proof: { answered: /"optionId\\?":\\?"(allow|always)/ },
  },
];

const planted: Attempt[] = [
  ...["symlink", "hardlink", "folder"].map((how): Attempt => ({
    name: `another file as its login: ${how}`,
    act: "login",
    try: { op: "plantLogin", path: "~/.claude/.credentials.json", target: "{outside}/planted/.credentials.json", how },
    proof: { copied: "{home}/.claude/.credentials.json", text: "PLANTED" },
  })),
  {
    name: "a program in git's settings",
    act: "kilnTraps",
    try: { op: "append", path: "{kiln}/.git/config", text: `\n[core]\n\tfsmonitor = ${mark}\n` },
    proof: { marked: "{kiln}/.git/config" },
  },
  {
    name: "a hook",
    act: "kilnTraps",
    try: { op: "write", path: "{kiln}/.git/hooks/post-checkout", text: `#!/bin/sh\ntouch {outside}/hooked-{mode}\n` },
    proof: { made: "{kiln}/.git/hooks/post-checkout" },
  },
];

const worktree = { name: "delegate_session", args: { agent: "helper", task: "say done", isolation: "worktree" } };
const program = "touch {outside}/ran-{mode}";

const ownGit: Attempt[] = [
  {
    name: "a filter in git's settings",
    files: [
      {
        path: "{kiln}/.git/config",
        text: `\n[filter "x"]\n\tclean = ${program}-clean; cat\n\tsmudge = ${program}-smudge; cat\n`,
      },
      { path: "{kiln}/.git/info/attributes", text: "* filter=x\n" },
    ],
    proof: { made: "{outside}/ran-{mode}-smudge" },
  },
  {
    name: "a filter that tells what it sees of the daemon's environment",
    files: [
      { path: "{kiln}/.git/config", text: `\n[filter "x"]\n\tsmudge = env; cat\n` },
      { path: "{kiln}/.git/info/attributes", text: "* filter=x\n" },
    ],
    task: "rawread own.txt",
    proof: { leaked: "daemonKey" },
  },
  {
    name: "a filter for what a child leaves in its worktree",
    files: [
      { path: "{kiln}/.git/config", text: `\n[filter "x"]\n\tclean = ${program}-clean2; cat\n` },
      { path: "{kiln}/.git/info/attributes", text: "* filter=x\n" },
    ],
    task: "rawwrite left.txt x",
    proof: { made: "{outside}/ran-{mode}-clean2" },
  },
  {
    name: "a monitor of files",
    files: [{ path: "{kiln}/.git/config", text: `\n[core]\n\tfsmonitor = ${program}-monitor\n` }],
    proof: { made: "{outside}/ran-{mode}-monitor" },
  },
  {
    name: "a hook for every checkout",
    files: [{ path: "{kiln}/.git/config", text: "\n[core]\n\thooksPath = {kiln}/own-{mode}\n" }],
    proof: { made: "{outside}/ran-{mode}-hook" },
  },
  {
    name: "another repository in place of the kiln's",
    files: [{ path: "{kiln}/.git", text: "gitdir: {outside}/repository/.git\n", instead: true }],
    task: "rawread plans.txt",
    proof: { leaked: "repository" },
  },
  {
    name: "another repository, as one of whose worktrees the kiln poses",
    files: [
      { path: "{kiln}/.git", text: "gitdir: own-{mode}/worktrees/x\n", instead: true },
      { path: "{kiln}/own-{mode}/worktrees/x/gitdir", text: "{kiln}/.git\n" },
      { path: "{kiln}/own-{mode}/worktrees/x/commondir", text: "{outside}/repository/.git\n" },
      { path: "{kiln}/own-{mode}/worktrees/x/HEAD", text: "ref: refs/heads/main\n" },
    ],
    task: "rawread plans.txt",
    proof: { leaked: "repository" },
  },
  {
    name: "the objects of another repository, by links",
    files: [
      {
        path: "{kiln}/.git",
        text: "ref: refs/heads/main\n",
        links: { objects: "{outside}/repository/.git/objects", refs: "{outside}/repository/.git/refs" },
        instead: true,
      },
    ],
    task: "rawread plans.txt",
    proof: { leaked: "repository" },
  },
  {
    name: "another directory as the work of this repository",
    files: [{ path: "{kiln}/.git/config", text: "\n[core]\n\tworktree = {outside}/repository\n" }],
    task: "rawread plans.txt",
    proof: { leaked: "repository" },
  },
].map(({ name, files, task = "say done", proof }): Attempt => ({
  name,
  act: "ownGit",
  try: { op: "ownGit", files, ...worktree, args: { ...worktree.args, task } },
  proof: proof as Proof,
}));

/** For an agent beside the others, which is ended when somebody minds what it does. */
export const crowdAttempts: readonly Attempt[] = [
  {
    name: "have very many processes that have taken off every mark",
    act: "crowd",
    try: {
      op: "crowd",
      seconds: "{seconds}9",
      count: 130,
      waitMs: 10_000,
      timeoutMs: 13_000,
      file: "{kiln}/crowd-{mode}",
    },
    proof: { answered: /nobody minded/ },
  },
];

/** For an agent whose network is closed. */
export const networkAttempts: readonly Attempt[] = [
  ...reach.filter(({ act }) => act === "loopback").map((attempt): Attempt => ({ ...attempt, act: "closedNetwork" })),
  {
    name: "the HTTP door with the token of another session",
    act: "closedNetwork",
    try: { op: "http", url: "{mcpUrl}", headers: { authorization: "Bearer {token}" }, body: initialize },
    proof: { answered: anyTools },
  },
];

/** For an agent that was given nothing but reading, the second of its profile. */
export const narrowedAttempts: readonly Attempt[] = [
  {
    name: "find what the agent before it has left in its home",
    act: "homeTraps",
    try: { op: "exec", command: "sh", args: ["-c", "cat ~/left-{mode}"] },
    proof: { answered: /left by the first/ },
  },
  {
    name: "write a file",
    act: "readOnly",
    try: { op: "write", path: "{kiln}/narrow-{mode}-raw", text: mark },
    proof: { made: "{kiln}/narrow-{mode}-raw" },
  },
  {
    name: "remove a file",
    act: "readOnly",
    try: { op: "remove", path: "{kiln}/own-{mode}/own.txt" },
    proof: { gone: "{kiln}/own-{mode}/own.txt" },
  },
  {
    name: "write a file in a namespace of its own",
    act: "readOnly",
    try: {
      op: "exec",
      command: "unshare",
      args: ["-Urm", "/bin/sh", "-c", "mount -o remount,rw,bind {kiln}; echo x > {kiln}/narrow-{mode}-remounted"],
    },
    proof: { made: "{kiln}/narrow-{mode}-remounted" },
  },
  {
    name: "fs/write_text_file",
    act: "tools",
    try: { op: "ask", method: "fs/write_text_file", params: { path: "{kiln}/narrow-{mode}-asked", content: mark } },
    proof: { made: "{kiln}/narrow-{mode}-asked" },
  },
  {
    name: "a terminal",
    act: "tools",
    try: { op: "terminal", command: "sh", args: ["-c", "echo x > {kiln}/narrow-{mode}-terminal"] },
    proof: { made: "{kiln}/narrow-{mode}-terminal" },
  },
  {
    name: "a permission to write",
    act: "tools",
    try: question("edit-{mode}", "edit"),
    proof: { answered: /"(yes|always)"/ },
  },
  {
    name: "a delegation",
    act: "tools",
    try: { op: "tool", name: "delegate_session", args: { agent: "helper", task: "write narrow-{mode}-delegated x" } },
    proof: { made: "{kiln}/narrow-{mode}-delegated" },
  },
  {
    name: "a command in the daemon's place",
    act: "tools",
    try: { op: "tool", name: "create_agent", args: { name: "more-{mode}", extends: "helper" } },
    proof: { answered: /"name":"more/ },
  },
];

/** What an agent may well do, in every mode: without it, a refusal of all else would say nothing. */
export const controls: readonly Pick<Attempt, "name" | "try">[] = [
  { name: "read its own file", try: { op: "read", path: "{kiln}/own.txt" } },
  { name: "write a file of its own", try: { op: "write", path: "{kiln}/own-{mode}/new.txt", text: "new" } },
  { name: "fs/read_text_file", try: { op: "ask", method: "fs/read_text_file", params: { path: "{kiln}/own.txt" } } },
  {
    name: "fs/write_text_file",
    try: { op: "ask", method: "fs/write_text_file", params: { path: "{kiln}/own-{mode}/asked.txt", content: "x" } },
  },
  { name: "its home", try: { op: "exec", command: "sh", args: ["-c", "echo left by the first > ~/left-{mode}"] } },
  { name: "a terminal", try: { op: "terminal", command: "cat", args: ["own.txt"], cwd: "{kiln}" } },
  { name: "its tools", try: { op: "tool", name: "list_delegations", args: {} } },
  { name: "a delegation", try: { op: "tool", name: "delegate_session", args: { agent: "helper", task: "say done" } } },
  { name: "the HTTP door", try: { op: "http", own: true, body: initialize } },
];

export const attempts: readonly Attempt[] = [
  ...raw,
  ...processes,
  ...ofTheMachine,
  ...reach,
  ...doors,
  ...gate,
  ...permissions,
  ...trees,
  ...rules,
  ...ownGit,
  ...planted,
];
