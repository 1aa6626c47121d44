#!/bin/sh
# Closes its stdin and lives on.
exec <&-
echo up
sleep 1000
