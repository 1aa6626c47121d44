/** What a program asks of the kernel itself. Node.js knows no system calls; Perl, which git needs anyway, does. */
import { execFile, spawn } from "node:child_process";
import { readFileSync } from "node:fs";
import { promisify } from "node:util";

const run = promisify(execFile);

/** Numbers of calls by what Node.js calls the machine (syscall.tbl of the kernel). */
const numbers = {
  x64: { ptrace: 101, keyctl: 250 },
  arm64: { ptrace: 117, keyctl: 219 },
}[process.arch];

const perl = (script, ...args) => run("perl", ["-e", script, ...args.map(String)], { timeout: 3000 });

export const systemCallOps = {
  /** A key of this description in the ring of the session (keyctl(2): KEYCTL_SEARCH, KEYCTL_READ). */
  async keyring({ description }) {
    const script = `
      my ($number, $description) = @ARGV;
      my $key = syscall($number, 10, -3, my $type = "user", $description, 0);
      die "search: $!" if $key < 0;
      my $text = "\\0" x 200;
      my $length = syscall($number, 11, $key, $text, 200);
      die "read: $!" if $length < 0;
      print substr($text, 0, $length);`;
    const { stdout } = await perl(script, numbers.keyctl, description);
    return stdout;
  },

  /** Letters pushed into a terminal as if they had been typed there (TIOCSTI). */
  async type({ terminal, text }) {
    const script = `
      my ($terminal, $text) = @ARGV;
      open(my $at, "+<", $terminal) or die "open: $!";
      for (split //, "$text\\n") { ioctl($at, 0x5412, $_) or die "ioctl: $!"; }`;
    await perl(script, terminal, text);
  },

  /** Stops a process by tracing it, and lives on as its tracer under this name (PTRACE_ATTACH). */
  async stopAndOutlive({ pid, words }) {
    const script = `
      my ($number, $pid, $words) = @ARGV;
      $0 = $words;
      $SIG{$_} = "IGNORE" for qw(TERM HUP INT);
      die "ptrace: $!" if syscall($number, 16, $pid, 0, 0) < 0;
      syswrite(STDOUT, "stopped");
      sleep 100000;`;
    const child = spawn("perl", ["-e", script, numbers.ptrace, pid, words], {
      detached: true,
      stdio: ["ignore", "pipe", "inherit"],
    });
    const said = await new Promise((resolve) => {
      child.stdout.once("data", (bytes) => resolve(bytes.toString()));
      child.once("exit", () => resolve(""));
    });
    if (said !== "stopped") throw new Error("it could not be stopped");
    return said;
  },

  /** Whose rights a program has that belongs to root and lends them (setuid): the line of /proc that says so. */
  async borrowRights({ command }) {
    const child = spawn(command, [], { stdio: ["pipe", "ignore", "ignore"] });
    try {
      await new Promise((resolve, reject) => child.once("spawn", resolve).once("error", reject));
      return /^Uid:.*$/m.exec(readFileSync(`/proc/${child.pid}/status`, "utf8"))[0];
    } finally {
      child.kill("SIGKILL");
    }
  },
};
