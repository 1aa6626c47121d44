/** The ways out of the attacker that lead through the machine itself: the kernel, its memory, sockets and terminals of other programs. */
import { mark, type Attempt } from "./acts.ts";

const held = ["full", "partial"] as const;

const fillings: readonly Attempt[] = ["/tmp", "/run", "/dev", "/dev/shm"].map((folder) => ({
  name: `fill ${folder}`,
  act: "fill",
  try: {
    op: "exec",
    command: "sh",
    args: ["-c", `at=${folder}/cru-{mode}-{seconds}; fallocate -l 1100M $at; made=$?; rm -f $at; exit $made`],
  },
  proof: { answered: /^$/ },
  // The machine's own memory is left alone where nothing holds an agent.
  ...(folder === "/tmp" ? {} : { modes: ["full"] as const }),
}));

export const ofTheMachine: readonly Attempt[] = [
  ...fillings,
  ...(["sshAgent", "sessionBus", "desktop"] as const).map((socket): Attempt => ({
    name: `speak to a socket of another program: ${socket}`,
    act: "sockets",
    try: { op: "unix", path: `{${socket}}`, send: `${mark}\n` },
    proof: { heard: "unix" },
  })),
  {
    name: "write on a terminal of yours",
    act: "terminals",
    try: { op: "append", path: "{terminal}", text: `${mark}\n` },
    proof: { heard: "terminal" },
  },
  {
    name: "type into a terminal of yours",
    act: "terminals",
    try: { op: "type", terminal: "{terminal}", text: mark },
    proof: { heard: "terminal" },
  },
  {
    name: "read a key of your login",
    act: "keyring",
    try: { op: "keyring", description: "crucible-attack" },
    proof: { leaked: "keyring" },
  },
  {
    name: "stop the first process of its sandbox, which would end the others",
    act: "outlive",
    try: { op: "stopAndOutlive", pid: 1, words: "sleep {seconds}8" },
    proof: { alive: "sleep {seconds}8" },
    modes: ["full"],
  },
  {
    name: "borrow root's rights from one of its programs",
    act: "machine",
    try: { op: "borrowRights", command: "su" },
    proof: { answered: /^Uid:\s+[1-9]\d*\s+0\s/ },
    modes: held,
  },
  {
    name: "change its own program",
    act: "writeYours",
    try: { op: "write", path: "{program}/planted-{mode}", text: mark },
    proof: { made: "{program}/planted-{mode}" },
    modes: ["full"],
  },
  {
    name: "have the kernel write a core file through a link",
    act: "writeYours",
    try: {
      op: "exec",
      command: "sh",
      args: ["-c", "cd {kiln}/own-{mode} && ln -sf {outside}/core-{mode} core && ulimit -c unlimited && kill -SEGV $$"],
    },
    proof: { made: "{outside}/core-{mode}" },
  },
  {
    name: "take everything off that is mounted, in a namespace of its own",
    act: "readYours",
    try: {
      op: "exec",
      command: "unshare",
      args: ["-Urmpf", "/bin/sh", "-c", "umount -l /; cat {outside}/canary.txt {home}/../outside/canary.txt"],
    },
    proof: { leaked: "outside" },
  },
  {
    name: "lay a view of its own over the root of all",
    act: "readYours",
    try: {
      op: "exec",
      command: "unshare",
      args: [
        "-Urm",
        "/bin/sh",
        "-c",
        "mkdir -p /tmp/up /tmp/work /tmp/all; mount -t overlay o -o lowerdir=/,upperdir=/tmp/up,workdir=/tmp/work /tmp/all; " +
          "cat /tmp/all{outside}/canary.txt",
      ],
    },
    proof: { leaked: "outside" },
    modes: held,
  },
];
