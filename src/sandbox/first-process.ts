/**
 * The first process of a sandbox with process ids of its own: all that is in it ends when this one does. It runs the program, and
 * where that was only a launcher (it exits with 0, and another process has its stdin and stdout) waits for that one. Text for
 * /bin/sh, which is in every sandbox; what bubblewrap itself puts there ends with the launcher.
 */

const script = `
"$@"
code=$?
[ $code = 0 ] && [ ! -c /proc/$$/fd/0 ] || exit $code
is_taken() {
  for process in /proc/[0-9]*; do
    [ $process != /proc/$$ ] && [ $process/fd/0 -ef /proc/$$/fd/0 ] && [ $process/fd/1 -ef /proc/$$/fd/1 ] && return
  done
  return 1
}
is_alone() {
  set -- /proc/[0-9]*
  [ $# = 1 ]
}
# Whoever takes the place may not have its descriptors yet.
for look in 1 2 3 4 5; do
  is_alone && exit
  is_taken && break
  sleep 0.05 <&2 >&2
done
while is_taken; do sleep 0.5 <&2 >&2; done
exit 0
`;

/** The words of a first process that runs a program. */
export function asFirstProcess(command: string, args: readonly string[]): string[] {
  return ["/bin/sh", "-c", script, "sh", command, ...args];
}
