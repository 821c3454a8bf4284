#!/bin/sh
# A command of the tests, on its host: writes down when it starts, works for so many seconds, writes down when it ends.
# usage: work.sh TASK SECONDS
note() {
    { flock 8; echo "$1 $(date +%s%N) $2 ${BALANCER_SLOT:--}" >&8; } 8>> "$HOME/commands.log"
}
note start "$1"
sleep "$2"
note end "$1"
