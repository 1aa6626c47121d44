/** The errors of this folder: everything that can be wrong with `crucible.toml`, from finding it to what stands in it. */
import { defineError } from "../base/errors.ts";

export const configNotFound = defineError(
  "CRU_CONFIG_NOT_FOUND",
  "config",
  "The configuration file named by --config or $CRUCIBLE_CONFIG does not exist.",
);

export const configUnreadable = defineError(
  "CRU_CONFIG_UNREADABLE",
  "config",
  "The configuration file exists but cannot be read: no permission, a directory, larger than 1 MiB, or not UTF-8.",
);

export const configSyntax = defineError("CRU_CONFIG_SYNTAX", "config", "The configuration file is not valid TOML.");

export const configInvalid = defineError(
  "CRU_CONFIG_INVALID",
  "config",
  "The configuration file is valid TOML, but a key is unknown, a value is wrong, or a name does not exist.",
);
