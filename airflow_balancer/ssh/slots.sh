# Claims a slot on this host. bash and zsh run this themselves, before the command; for other login shells, /bin/sh runs it,
# then the command in the login shell. The caller sets slot_login (the login shell, unless this is it), slot_command,
# slot_size, slot_dir, slot_since, slot_holder and slot_token. The prefix keeps these names apart from the SSH user's
# environment, which the command inherits. `command` bypasses the user's aliases and functions.
slot_refuse() {
    printf '%s %s\n' "$slot_token" "$1" >&2
    exit 75
}

slot_lock() {
    if command -v flock >/dev/null; then
        command flock -n "$1" 9
    elif command -v perl >/dev/null; then
        command perl -e 'open my $f, "<&=", 9 or exit 2; flock $f, ($ARGV[0] eq "-s" ? 1 : 2) | 4 or exit($!{EWOULDBLOCK} ? 1 : 2)' -- "$1"
    elif command -v python3 >/dev/null; then
        command python3 -ISc 'import fcntl, sys
try: fcntl.flock(9, (1 if sys.argv[1] == "-s" else 2) | 4)
except BlockingIOError: sys.exit(1)' "$1"
    else
        slot_refuse "error neither flock (package util-linux), perl nor python3 is in the PATH of an SSH command; install one of them"
    fi
    slot_status=$?
    [ "$slot_status" -le 1 ] || slot_refuse "error $slot_dir/$slot_index cannot be locked (the lock tool exits with $slot_status)"
    return "$slot_status"
}

slot_make() {
    case $(command ls -ld "$slot_dir/") in
        d???????w[!tT]*) slot_refuse "error everybody may write in $slot_dir, and replace what others put there; chmod o-w or +t" ;;
    esac
    (umask 002 && : >>"$slot_file") 2>/dev/null
}

# Opens a slot's file on descriptor 9. Read access is enough to lock another user's file.
slot_open() {
    slot_file=$slot_dir/$slot_index
    if [ -L "$slot_file" ] || { [ -e "$slot_file" ] && [ ! -f "$slot_file" ]; }; then
        slot_refuse "error $slot_file is not a regular file; remove it"
    fi
    [ -e "$slot_file" ] || slot_make
    { command exec 9>>"$slot_file" || command exec 9<"$slot_file"; } 2>/dev/null ||
        slot_refuse "error $slot_file cannot be opened; give the SSH user the right to read and write it"
}

slot_line() {
    slot_text=
    [ ! -r "$1" ] || IFS= read -r slot_text <"$1" || :
}

slot_note() {
    slot_line "$slot_file"
    slot_held="$slot_held; slot $slot_index: $slot_text"
}

slot_is_held() {
    slot_open
    if slot_lock -s; then return 1; fi
    slot_note
    slot_beyond=$((slot_beyond + 1))
}

# Lowers the limit until it and the slots held beyond it fit the size, which may have been larger before.
slot_find_limit() {
    slot_limit=$slot_size slot_beyond=0
    for slot_file in "$slot_dir"/[0-9]*; do
        slot_index=${slot_file##*/}
        case $slot_index in *[!0-9]* | ?????????*) continue ;; esac
        if [ "$slot_index" -ge "$slot_size" ]; then slot_is_held || :; fi
    done
    while [ "$slot_limit" -gt 0 ] && [ $((slot_limit + slot_beyond)) -gt "$slot_size" ]; do
        slot_limit=$((slot_limit - 1)) slot_index=$slot_limit
        slot_is_held || :
    done
}

# Tries twice, because counting the slots locks each of them for a moment.
slot_claim() {
    for slot_noted in "" 1; do
        slot_index=0
        while [ "$slot_index" -lt "$slot_limit" ]; do
            slot_open
            if slot_lock -x; then return; fi
            [ -z "$slot_noted" ] || slot_note
            slot_index=$((slot_index + 1))
        done
    done
    slot_refuse "full ${slot_held#; }"
}

slot_check_dir() {
    [ -d "$slot_dir" ] || (umask 077 && command mkdir -p "$slot_dir") 2>/dev/null ||
        slot_refuse "error $slot_dir cannot be made; make it, or give another slot_dir"
}

slot_heed_drain() {
    [ -e "$slot_dir/drain" ] || return 0
    slot_line "$slot_dir/drain"
    slot_refuse "drained $slot_text"
}

slot_main() {
    # In zsh, a pattern without a match is an error.
    [ -z "${ZSH_VERSION-}" ] || emulate -L sh
    case $slot_dir in
        "~/"*) slot_dir=$HOME/${slot_dir#"~/"} ;;
    esac
    slot_held=
    slot_check_dir
    slot_heed_drain
    slot_find_limit
    slot_claim
    # Check again with the lock: once the file exists and no slot is held, no command can start.
    slot_heed_drain
    { printf '%s %s %s\n' "$slot_since" $$ "$slot_holder" >|"$slot_file"; } 2>/dev/null || :
    export BALANCER_SLOT="$slot_index"
    slot_text="$slot_token claimed $slot_index${slot_login:+ again}"
    printf '%s\n' "$slot_text" >&2
    printf '%s\n' "$slot_text"
}

# GNU timeout without a limit dies of the signal that killed the command. A shell cannot tell such a death from an exit status.
slot_run() {
    # At a deeper shell level, bash would not read ~/.bashrc.
    [ -z "${BASH_VERSION-}" ] || SHLVL=$((SHLVL - 1))
    case $slot_login in
        *csh | *fish) ;;
        *) set -- "${slot_login##*/}" ;;
    esac
    case $(timeout --version 2>/dev/null) in
        *GNU*) exec timeout --foreground 0 "$slot_login" -c "$slot_command" "$@" ;;
    esac
    trap : HUP INT QUIT TERM
    "$slot_login" -c "$slot_command" "$@"
    exit
}

slot_main
[ -z "$slot_login" ] || slot_run
# The shell continues with `eval`, so that it also waits for the last command instead of becoming it: sudo and ssh close
# inherited descriptors, including 9.
unset -f slot_refuse slot_lock slot_make slot_open slot_line slot_note slot_is_held slot_find_limit slot_claim slot_check_dir slot_heed_drain slot_main slot_run
unset slot_login slot_size slot_dir slot_program slot_since slot_holder slot_token slot_file slot_index slot_status slot_text slot_held slot_limit slot_beyond slot_noted
