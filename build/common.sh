# shellcheck shell=bash
# What setup and test share. Sourced by ./lthkit, which sets ROOT.

ARTIFACTS=$ROOT/artifacts
LOGS=$ARTIFACTS/logs
LOCAL_PROPS=$ROOT/LTHKit.local.props
# shellcheck disable=SC2034  # used by those who source this
CLI=$ARTIFACTS/bin/LTHKit.Cli/release/lthkit-cli SOLUTION=$ROOT/LTHKit.sln

export DOTNET_NOLOGO=1 DOTNET_CLI_TELEMETRY_OPTOUT=1 DOTNET_CLI_WORKLOAD_UPDATE_NOTIFY_DISABLE=true
# .NET's command wants ICU, which a bare system lacks, unless told that one culture will do.
export DOTNET_SYSTEM_GLOBALIZATION_INVARIANT=1
# Build nodes that outlive the command would keep its output open.
export MSBUILDDISABLENODEREUSE=1

# Progress goes to stderr: the standard output belongs to the verb (bench --json).
say() {
    printf '%s\n' "$*" >&2
}

# fail EXIT-CODE SENTENCE: 2 for what the user must provide or correct, 1 for everything else.
fail() {
    say "lthkit: $2"
    exit "$1"
}

# logged NAME COMMAND...: runs the command with its output in artifacts/logs/NAME.log, and without setup's lock.
logged() {
    mkdir -p "$LOGS" 2>/dev/null || fail 1 "cannot write to $LOGS; make the folder writable or clone into one that is."
    "${@:2}" </dev/null >"$LOGS/$1.log" 2>&1 9>&-
}

# step NAME SENTENCE COMMAND...: when the command fails, the sentence, its first error and the log's path are all that is printed.
step() {
    logged "$1" "${@:3}" || fail 1 "$2$(first_error "$LOGS/$1.log") The log is $LOGS/$1.log"
}

first_error() {
    local line
    line=$(grep -m1 -iE '(^|[^a-z])error([^a-z]|$)|^E: ' "$1" | sed 's/ \[[^]]*\]$//; s/^ *//; s/ *$//' | cut -c1-300) || true
    [[ -z $line ]] || printf ' First error: %s' "${line%.}."
}

# The built programs look for .NET in the standard places only; tell them of one that is installed elsewhere.
use_dotnet() {
    local dotnet folder
    if [[ -d ${DOTNET_ROOT:-}/host/fxr ]] || ! dotnet=$(command -v dotnet); then return; fi
    folder=$(dirname "$(readlink -f "$dotnet")")
    # A script or a link that leads to .NET lies elsewhere than it.
    [[ -d $folder/host/fxr ]] ||
        folder=$(dotnet --list-runtimes 2>/dev/null | sed -n '/^Microsoft.NETCore.App /{s:.*\[\(.*\)/shared/.*:\1:p;q}') || true
    [[ -z $folder ]] || export DOTNET_ROOT=$folder
}

# property NAME: its value in LTHKit.local.props, empty when there is none.
property() {
    [[ -f $LOCAL_PROPS ]] || return 0
    sed -n "s:.*<$1>\(.*\)</$1>.*:\1:p" "$LOCAL_PROPS" | sed 's/&lt;/</g; s/&gt;/>/g; s/&amp;/\&/g'
}

nvidia_driver() {
    [[ -e /proc/driver/nvidia/version || -e /dev/nvidiactl || -e /dev/dxg && -n $(command -v nvidia-smi) ]]
}
