/**
 * What an agent inherits of the daemon's environment: what every program needs to find its way on this machine, and what
 * belongs to the agent's own vendor. Everything else stays behind, above all the credentials of others; a profile passes a
 * variable on by naming it: `env = { NAME = "${NAME}" }`. Decides by names, and never shows a value.
 */
import type { Environment } from "../base/paths.ts";
import { builtInProfiles } from "./builtin-profiles.ts";
import type { AgentProfile } from "./config.ts";

/** Names, or their beginnings with `*` behind; where they depend on another variable, only while that is set and not 0 or false. */
export interface InheritedNames {
  readonly names: readonly string[];
  readonly onlyWith?: string;
}

/** What every agent inherits, whatever its vendor. No credentials but those that stand in the address of a proxy. */
export const commonNames: readonly string[] = [
  // Who and where.
  ..."PATH HOME USER LOGNAME SHELL LANG LANGUAGE LC_* TERM COLORTERM NO_COLOR TZ TMPDIR TMP TEMP XDG_*".split(" "),
  "__CF_USER_TEXT_ENCODING",
  // The way into the network.
  ..."HTTP_PROXY HTTPS_PROXY ALL_PROXY NO_PROXY http_proxy https_proxy all_proxy no_proxy NODE_USE_ENV_PROXY".split(
    " ",
  ),
  ..."SSL_CERT_FILE SSL_CERT_DIR NODE_EXTRA_CA_CERTS NODE_USE_SYSTEM_CA CURL_CA_BUNDLE REQUESTS_CA_BUNDLE".split(" "),
  ..."GIT_SSL_CAINFO NIX_SSL_CERT_FILE npm_config_registry npm_config_prefix npm_config_cache".split(" "),
  // Signing in with a browser and a keyring; git over ssh.
  ..."DISPLAY WAYLAND_DISPLAY XAUTHORITY BROWSER DBUS_SESSION_BUS_ADDRESS SSH_AUTH_SOCK".split(" "),
  // Where the tools for building stand.
  ..."JAVA_HOME GOPATH GOROOT GOBIN CARGO_HOME RUSTUP_HOME RUSTUP_TOOLCHAIN DOTNET_ROOT GEM_HOME RBENV_ROOT".split(" "),
  ..."NVM_DIR NVM_BIN FNM_DIR FNM_MULTISHELL_PATH VOLTA_HOME PNPM_HOME BUN_INSTALL DENO_INSTALL DENO_DIR".split(" "),
  ..."PYENV_ROOT VIRTUAL_ENV CONDA_PREFIX CONDA_DEFAULT_ENV ANDROID_HOME ANDROID_SDK_ROOT SDKMAN_DIR".split(" "),
  ..."ASDF_DIR ASDF_DATA_DIR MISE_DATA_DIR HOMEBREW_PREFIX HOMEBREW_CELLAR NIX_PATH NIX_PROFILES".split(" "),
];

/** Set by Crucible, and by other agents for what they start; each means something only inside the session that set it. */
const namesOfOtherSessions = new RegExp(
  `^(?:${[
    "CRUCIBLE_.*",
    // Claude Code refuses to start, or keeps no transcript, when it sees these. Its settings share the prefix and stay.
    "CLAUDECODE",
    "CLAUDE_CODE_(?:ENTRYPOINT|SESSION_ID|HOST_SESSION_ID|CHILD_SESSION|SESSION_ACCESS_TOKEN|SSE_PORT|EXECPATH)",
    "CLAUDE_(?:PID|JOB_DIR)",
    "CODEX_(?:THREAD_ID|INTERNAL_ORIGINATOR_OVERRIDE|CI)",
    "GEMINI_CLI",
    "OPENCODE(?:_PID|_RUN_ID|_PROCESS_ROLE)?",
    "CURSOR_AGENT",
  ].join("|")})$`,
);

/** Names of the variables in `env` that an agent of this profile inherits, in the order of `env`. */
export function inheritedNames({ family }: Pick<AgentProfile, "family">, env: Environment): string[] {
  const own = builtInProfiles.get(family ?? "")?.environment ?? [];
  const wanted = own
    .filter(({ onlyWith }) => onlyWith === undefined || isOn(env[onlyWith]))
    .flatMap(({ names }) => names);
  return namesIn(env, [...commonNames, ...wanted]);
}

/** The same for what runs on an agent's behalf and is none, such as a command in a terminal. */
export function commonNamesIn(env: Environment): string[] {
  return namesIn(env, commonNames);
}

/** Names of all variables that an agent of this profile gets: what it inherits, and what its profile sets. Sorted. */
export function environmentNames(profile: Pick<AgentProfile, "family" | "env">, env: Environment): string[] {
  return [...new Set([...inheritedNames(profile, env), ...Object.keys(profile.env)])].toSorted();
}

function namesIn(env: Environment, wanted: readonly string[]): string[] {
  const exact = new Set(wanted);
  const beginnings = wanted.filter((name) => name.endsWith("*")).map((name) => name.slice(0, -1));
  const isWanted = (name: string): boolean => exact.has(name) || beginnings.some((start) => name.startsWith(start));
  return Object.keys(env).filter(
    (name) => env[name] !== undefined && isWanted(name) && !namesOfOtherSessions.test(name),
  );
}

function isOn(value: string | undefined): boolean {
  return value !== undefined && !/^(?:|0|false|no|off)$/i.test(value);
}
