/**
 * Tells a daemon that nobody started it by hand: it then never reads a configuration out of its working directory, and does
 * not write its log to stderr as well. An environment variable, because it must not be an option that people use.
 */
export const backgroundVariable = "CRUCIBLE_BACKGROUND";
