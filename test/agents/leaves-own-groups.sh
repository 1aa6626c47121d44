#!/bin/bash
# Starts helpers in process groups of their own, as a shell with job control does; then echoes until its stdin ends.
set -m
sleep 1000 </dev/null >/dev/null 2>&1 &
sleep 1000 </dev/null >/dev/null 2>&1 &
set +m
exec cat
