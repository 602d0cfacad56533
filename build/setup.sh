# shellcheck shell=bash
# ./lthkit setup: chooses the libtorch, restores the packages, builds. Sourced by ./lthkit.

STAMP=$ARTIFACTS/setup.stamp

setup_help() {
    cat <<'END'
usage: ./lthkit setup [--offline] [--force]

Chooses the libtorch, fetches the packages and builds the solution. Doing it again costs nothing when nothing has
changed; every other verb does it when something has.

  --offline  ask no feed: take the packages from the package folder (done by itself when the feed cannot be reached)
  --force    forget the remembered libtorch and build everything anew

The libtorch: the one that $LIBTORCH names (remembered from then on), else TorchSharp's package for CUDA where there
is an NVIDIA driver and the feed has that package, else the one for the CPU.
END
}

setup_command() {
    local offline=false force=false argument
    for argument; do
        case $argument in
            -h | --help)
                setup_help
                return
                ;;
            --offline) offline=true ;;
            --force) force=true ;;
            *) fail 2 "setup does not know '$argument'; it takes --offline and --force." ;;
        esac
    done
    read_choice
    if [[ $force == false ]] && is_served; then
        say "ready: $(summary)"
    else
        run_setup "$offline" "$force" is_served
    fi
}

is_served() {
    is_current && ! { nvidia_driver && [[ $CHOICE == cpu ]]; }
}

# For every other verb: nothing but a look at the stamp when nothing has changed.
ensure_setup() {
    read_choice
    if is_current; then return; fi
    say 'lthkit: setting up (the first time takes a few minutes)'
    run_setup false false is_current
}

run_setup() {
    local offline=$1 force=$2 served=$3 started=$SECONDS key
    mkdir -p "$LOGS" 2>/dev/null || fail 1 "cannot write to $ARTIFACTS; make the folder writable or clone into one that is."
    # One setup at a time: two verbs started together on a fresh clone must not build over each other.
    exec 9>"$ARTIFACTS/setup.lock"
    if ! flock -n 9; then
        say '  waiting for another setup of this checkout'
        flock 9
    fi
    # Another may have done it since this one looked.
    read_choice
    if [[ $force == false ]] && "$served"; then
        exec 9>&-
        say "ready: $(summary)"
        return
    fi
    # Asked for by hand, the feed may have by now what it lacked.
    [[ $force == false && ($served != is_served || $CHOICE != cpu) ]] || CHOICE=''
    find_dotnet
    choose_libtorch "$offline"
    say "  libtorch: $(summary)"
    write_choice
    key=$(fingerprint)
    say '  packages'
    fetch restore "$offline" "$SOLUTION" || fail 1 "the packages did not restore.$(first_error "$LOGS/restore.log") The log is $LOGS/restore.log"
    say '  building'
    local arguments=(build "$SOLUTION" --no-restore -c Release -v minimal -tl:off -clp:NoSummary)
    [[ $force == false ]] || arguments+=(--no-incremental)
    rm -f "$STAMP"          # until it is built there is no build
    step build 'the solution did not build.' dotnet "${arguments[@]}"
    [[ $CHOICE != /* ]] || "$CLI" doctor --libtorch >&2 || exit
    printf '%s\n' "$key" >"$STAMP"
    exec 9>&-
    say "ready: $(summary) ($((SECONDS - started)) s)"
}

# The sources that are built, in a hash: by name, size and time. What a machine has is no part of it, for several may share a checkout.
fingerprint() {
    {
        find "$ROOT/src" "$ROOT/bench" "$ROOT/tests" "$ROOT/build" \
            \( -name bin -o -name obj -o -name __pycache__ \) -prune -o -type f -printf '%P %s %T@\n' | LC_ALL=C sort
        find "$ROOT" -maxdepth 1 -type f \( -name '*.props' -o -name '*.targets' -o -name '*.sln' -o -name '.editorconfig' \
            -o -iname 'nuget.config' -o -name lthkit \) -printf '%P %s %T@\n' | LC_ALL=C sort
    } 2>/dev/null | sha256sum
}

is_current() {
    [[ -n $CHOICE && -x $CLI && -f $STAMP ]] && choice_serves && [[ $(<"$STAMP") == "$(fingerprint)" ]]
}

# --- .NET and its packages ------------------------------------------------------------------------------------------

find_dotnet() {
    command -v dotnet >/dev/null ||
        fail 2 'no .NET SDK found; install the .NET 10 SDK (https://dotnet.microsoft.com/download/dotnet/10.0) and have dotnet on the PATH.'
    [[ $'\n'$(dotnet --list-sdks 2>/dev/null) == *$'\n'[1-9][0-9].* ]] ||
        fail 2 "$(command -v dotnet) has no SDK of .NET 10 or newer; install it from https://dotnet.microsoft.com/download/dotnet/10.0."
    use_dotnet
}

# fetch LOG OFFLINE PROJECT [PROPERTY...]: restores from the feed, or from the package folder, which is laid out as a feed is.
# FEED says afterwards what became of the feed.
fetch() {
    local folder restore=(dotnet restore "${@:3}" -p:NuGetAudit=false)
    FEED='was not asked'
    if [[ $2 == false ]]; then
        FEED=reached
        if NUGET_ENHANCED_MAX_NETWORK_TRY_COUNT=2 logged "$1" "${restore[@]}"; then return; fi
        grep -qE 'NU130[01]' "$LOGS/$1.log" || return 1
        FEED='cannot be reached'
        say '  the feed cannot be reached; looking into the package folder'
    fi
    folder=$(dotnet nuget locals global-packages --list)
    logged "$1" "${restore[@]}" -p:RestoreSources="${folder#*: }"
}

# --- libtorch -------------------------------------------------------------------------------------------------------

# CHOICE: cpu and cuda are packages, anything else is the folder of another libtorch.
read_choice() {
    CHOICE=$(property LTHKitLibtorch)
    REASON=$(property LTHKitLibtorchReason)
}

summary() {
    case $CHOICE in
        cpu) printf 'for the CPU (%s)' "$REASON" ;;
        cuda) printf 'for CUDA (%s)' "$REASON" ;;
        *) printf '%s (%s)' "$CHOICE" "$REASON" ;;
    esac
}

# The remembered choice serves until its folder is gone or LIBTORCH names another.
choice_serves() {
    [[ -z ${LIBTORCH:-} || $(readlink -f "$LIBTORCH") == "$CHOICE" ]] && [[ $CHOICE != /* || -e $CHOICE/lib/libtorch.so ]]
}

choose_libtorch() {
    local folder=${LIBTORCH:-}
    [[ -n $folder || $CHOICE != /* ]] || folder=$CHOICE
    if [[ -n $folder ]]; then
        [[ -e $folder/lib/libtorch.so ]] ||
            fail 2 "LIBTORCH is $folder, but there is no lib/libtorch.so in it; let it name an unpacked libtorch or the torch folder of a PyTorch (./lthkit setup --force without LIBTORCH forgets it)."
        CHOICE=$(readlink -f "$folder") REASON='named by LIBTORCH'
    elif [[ -z $CHOICE ]]; then
        if ! nvidia_driver; then
            CHOICE=cpu REASON='no NVIDIA driver was there'
        elif fetch cuda "$1" "$ROOT/src/LTHKit" -p:LTHKitLibtorch=cuda; then
            CHOICE=cuda REASON='there is an NVIDIA driver'
        else
            CHOICE=cpu REASON="there is an NVIDIA driver, but $(without_cuda), or let LIBTORCH name a PyTorch with CUDA whose libtorch fits"
        fi
    fi
}

# Why TorchSharp-cuda-linux did not restore, and the first cure.
without_cuda() {
    if [[ $FEED != reached ]]; then
        printf 'the feed %s and the package folder does not have TorchSharp-cuda-linux: run ./lthkit setup again where the feed can be reached' "$FEED"
    elif grep -qE 'NU110[1-3]' "$LOGS/cuda.log"; then
        printf 'the feed does not have TorchSharp-cuda-linux: name another feed in nuget.config'
    else
        printf 'TorchSharp-cuda-linux did not restore (%s/cuda.log says why): run ./lthkit setup again' "$LOGS"
    fi
}

write_choice() {
    local text="<Project>
  <!-- Written by ./lthkit setup. -->
  <PropertyGroup>
    <LTHKitLibtorch>$(xml "$CHOICE")</LTHKitLibtorch>
    <LTHKitLibtorchReason>$(xml "$REASON")</LTHKitLibtorchReason>
  </PropertyGroup>
</Project>"
    # An unchanged file keeps its time, so that nothing is rebuilt for it.
    if [[ ! -f $LOCAL_PROPS || $(<"$LOCAL_PROPS") != "$text" ]]; then
        printf '%s\n' "$text" >"$LOCAL_PROPS.new"
        mv "$LOCAL_PROPS.new" "$LOCAL_PROPS"
    fi
}

xml() {
    printf '%s' "$1" | sed 's/&/\&amp;/g; s/</\&lt;/g; s/>/\&gt;/g'
}
