#!/bin/sh
# Complains and ends before it has read anything.
echo "fatal: no credentials found" >&2
exit 3
