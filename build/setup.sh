# shellcheck shell=bash
# ./lthkit setup: finds or installs what the kit needs, chooses the package source, builds. Sourced by ./lthkit.

STAMP=$ARTIFACTS/setup.stamp

setup_help() {
    cat <<'END'
usage: ./lthkit setup [--packages nuget|compat|auto] [--offline] [--force]

Installs what is missing, chooses the package source, builds the native libraries and the solution. Doing it
again costs nothing when nothing has changed; every other verb does it when something has.

  --packages nuget   the five packages come from the feed
  --packages compat  the projects under compat/ stand in for them
  --packages auto    ask the feed: nuget if every package restores, compat otherwise
                     (without --packages: the remembered answer, or auto the first time)
  --offline          ask no network: no apt, no feed, npm from its cache
  --force            forget the remembered answers and build everything anew

libtorch, for compat: $LIBTORCH, else the active Python's torch, else the system's.
END
}

setup_command() {
    local packages='' offline=false force=false
    while [[ $# -gt 0 ]]; do
        case $1 in
            -h | --help)
                setup_help
                return
                ;;
            --packages | --packages=*)
                if [[ $1 == *=* ]]; then packages=${1#*=}; else
                    packages=${2:-}
                    [[ $# -lt 2 ]] || shift
                fi
                case $packages in
                    nuget | compat | auto) ;;
                    *) fail 2 "--packages must be nuget, compat or auto, not '$packages'." ;;
                esac
                ;;
            --offline) offline=true ;;
            --force) force=true ;;
            *) fail 2 "setup does not know '$1'; it takes --packages nuget|compat|auto, --offline and --force." ;;
        esac
        shift
    done

    read_answers
    [[ $force == false ]] || PACKAGES=''
    # An explicit setup looks for libtorch anew; the other verbs keep the one it found.
    TORCH_ROOT=''
    if [[ -z $packages && -n $PACKAGES ]]; then
        [[ $PACKAGES != compat ]] || find_libtorch
        if is_current; then
            say "$(summary)"
            return
        fi
    fi
    run_setup "$packages" "$offline" "$force"
}

# For every other verb: nothing but a look at the stamp when nothing has changed.
ensure_setup() {
    read_answers
    if [[ -n $PACKAGES ]] && libtorch_still_there && is_current; then return; fi
    [[ $PACKAGES != compat ]] || find_libtorch
    say 'lthkit: setting up (the first time takes a few minutes)'
    run_setup '' false false
}

run_setup() {
    local requested=$1 offline=$2 force=$3 started=$SECONDS
    mkdir -p "$LOGS" 2>/dev/null || fail 1 "cannot write to $ARTIFACTS; make the folder writable or clone into one that is."
    # One setup at a time: two verbs started together on a fresh clone must not build over each other.
    exec 9>"$ARTIFACTS/setup.lock"
    if ! flock -n 9; then
        say '  waiting for another setup of this checkout'
        flock 9
        if [[ -z $requested && $force == false ]]; then
            read_answers
            if [[ -n $PACKAGES ]] && libtorch_still_there && is_current; then
                exec 9>&-
                return
            fi
        fi
    fi

    find_dotnet
    choose_packages "$requested" "$offline"
    if [[ $PACKAGES == compat ]]; then
        find_libtorch
    else
        TORCH_ROOT='' TORCH_SOURCE=''
    fi
    install_packages "$offline"
    [[ $PACKAGES != compat ]] || say "  libtorch: $(torch_version "$TORCH_ROOT") in $TORCH_ROOT ($TORCH_SOURCE)"
    write_answers
    install_plotly "$offline"

    local key
    key=$(fingerprint)
    if [[ $force == true ]]; then rm -rf "$ARTIFACTS/obj/native" "$ARTIFACTS/native"; fi
    if [[ $PACKAGES == compat ]]; then
        # Debian's lies in a folder that CMake knows.
        local prefix=$TORCH_ROOT
        [[ $prefix != /usr ]] || prefix=''
        build_native torch "$ROOT/compat/TorchSharp/native" "-DLIBTORCH=$prefix"
    fi
    build_native kernels "$ROOT/src/LTHKit/native"
    build_solution "$force"
    printf '%s\n' "$key" >"$STAMP"
    exec 9>&-
    say "$(summary) ($((SECONDS - started)) s)"
}

summary() {
    printf 'ready: packages %s (%s)' "$PACKAGES" "$REASON"
    if [[ $PACKAGES == compat ]]; then printf ', libtorch %s (%s)' "$(torch_version "$TORCH_ROOT")" "$TORCH_SOURCE"; fi
}

# --- what was answered before ---------------------------------------------------------------------------------------

read_answers() {
    PACKAGES=$(property LTHKitPackages)
    REASON=$(property LTHKitPackagesReason)
    TORCH_ROOT=$(property LTHKitLibtorch)
    TORCH_SOURCE=$(property LTHKitLibtorchSource)
}

write_answers() {
    local text cuda=false
    if nvidia_driver; then cuda=true; fi
    text="<Project>
  <!-- Written by ./lthkit setup. -->
  <PropertyGroup>
    <LTHKitPackages>$PACKAGES</LTHKitPackages>
    <LTHKitPackagesReason>$(xml "$REASON")</LTHKitPackagesReason>
    <LTHKitCuda>$cuda</LTHKitCuda>
    <LTHKitNative>\$(MSBuildThisFileDirectory)artifacts/native/</LTHKitNative>
    <LTHKitLibtorch>$(xml "$TORCH_ROOT")</LTHKitLibtorch>
    <LTHKitLibtorchSource>$(xml "$TORCH_SOURCE")</LTHKitLibtorchSource>
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

# Everything the build depends on, in a hash: sources by name, size and time, the answers, libtorch, the driver, .NET.
fingerprint() {
    {
        find "$ROOT/src" "$ROOT/compat" "$ROOT/tests" "$ROOT/build" \
            \( -name bin -o -name obj -o -name __pycache__ \) -prune -o -type f -printf '%P %s %T@\n' | LC_ALL=C sort
        find "$ROOT" -maxdepth 1 -type f \( -name '*.props' -o -name '*.sln' -o -name '*.json' -o -name '.editorconfig' \
            -o -iname 'nuget.config' -o -name lthkit \) -printf '%P %s %T@\n' | LC_ALL=C sort
        printf '%s\n' "$TORCH_ROOT" "$(torch_version "$TORCH_ROOT")"
        if nvidia_driver; then echo cuda; fi
        readlink -f "$(command -v dotnet)"
    } 2>/dev/null | sha256sum
}

is_current() {
    [[ -x $CLI && -f $STAMP ]] && plotly_is_current && [[ $(<"$STAMP") == "$(fingerprint)" ]]
}

# --- .NET and the package source ------------------------------------------------------------------------------------

find_dotnet() {
    command -v dotnet >/dev/null ||
        fail 2 'no .NET SDK found; install the .NET 10 SDK (https://dotnet.microsoft.com/download/dotnet/10.0) and have dotnet on the PATH.'
    [[ $'\n'$(dotnet --list-sdks 2>/dev/null) == *$'\n'[1-9][0-9].* ]] ||
        fail 2 "$(command -v dotnet) has no SDK of .NET 10 or newer; install it from https://dotnet.microsoft.com/download/dotnet/10.0."
    use_dotnet
}

choose_packages() {
    local requested=$1 offline=$2
    case $requested in
        compat)
            PACKAGES=compat REASON='chosen with --packages compat'
            ;;
        nuget)
            [[ $offline == false ]] || fail 2 '--packages nuget needs the feed; leave out --offline.'
            say '  asking the feed for the packages'
            if ! feed_has_packages; then fail 2 "--packages nuget is not possible here: $REASON; --packages compat needs none of them."; fi
            PACKAGES=nuget REASON='chosen with --packages nuget'
            ;;
        *)
            if [[ -n $PACKAGES && $requested != auto ]]; then return; fi
            if [[ $offline == true ]]; then
                [[ -n $PACKAGES ]] || PACKAGES=compat REASON='offline, the feed was not asked'
            else
                say '  asking the feed for the packages'
                if feed_has_packages; then PACKAGES=nuget; else PACKAGES=compat; fi
            fi
            ;;
    esac
    say "  packages: $PACKAGES ($REASON)"
}

# Sets REASON. First without libtorch, which is gigabytes: a feed that lacks a package answers in seconds.
feed_has_packages() {
    local project=$ARTIFACTS/feed/feed.csproj log=$LOGS/feed.log
    mkdir -p "$ARTIFACTS/feed"
    cat >"$project" <<'END'
<Project Sdk="Microsoft.NET.Sdk">
  <Import Project="../../compat/Packages.props" />
  <ItemGroup Condition="'$(FeedLibtorch)' != 'true'">
    <PackageReference Remove="TorchSharp-cpu;TorchSharp-cuda-linux" />
    <PackageReference Include="TorchSharp" />
  </ItemGroup>
</Project>
END
    if feed_restores false 90s "$log" && feed_restores true 60m "$log"; then
        REASON='the feed has every package'
        return 0
    fi
    local missing
    missing=$(grep -oE "NU110[1-3]: Unable to find package [^ ]+" "$log" | awk '{print $NF}' | sed 's/\.$//' | sort -u)
    if [[ -n $missing ]]; then
        REASON="the feed lacks ${missing//$'\n'/, }"
    elif grep -qE 'NU1301|NU1300' "$log"; then
        REASON='the feed could not be reached'
    else
        REASON="the packages did not restore, see $log"
    fi
    return 1
}

feed_restores() {
    local libtorch=$1 limit=$2 log=$3 cuda=false
    if nvidia_driver; then cuda=true; fi
    NUGET_ENHANCED_MAX_NETWORK_TRY_COUNT=2 timeout "$limit" dotnet restore "$ARTIFACTS/feed/feed.csproj" --force \
        -p:LTHKitPackages=nuget -p:LTHKitCuda="$cuda" -p:FeedLibtorch="$libtorch" -p:NuGetAudit=false \
        </dev/null >"$log" 2>&1 9>&-
}

# --- libtorch -------------------------------------------------------------------------------------------------------

# Sets TORCH_ROOT and TORCH_SOURCE; TORCH_ROOT is /usr when there is none, for Debian's is the one setup can install.
find_libtorch() {
    if [[ -n ${LIBTORCH:-} ]]; then
        [[ -n $(torch_library "$LIBTORCH") && -n $(torch_version "$LIBTORCH") ]] ||
            fail 2 "LIBTORCH is $LIBTORCH, but no libtorch with its headers is there; it must name the folder that holds lib/libtorch.so and include/torch."
        TORCH_ROOT=$(readlink -f "$LIBTORCH") TORCH_SOURCE='from LIBTORCH'
        return
    fi
    if libtorch_still_there; then return; fi
    local python
    # Where the module lies, without importing it: an import takes seconds.
    python=$(python3 -c 'import importlib.util as u; s = u.find_spec("torch"); print(s.submodule_search_locations[0] if s else "")' 2>/dev/null) || true
    # Debian's python3-torch is the system's under another name.
    if [[ -n $python && $python != /usr/lib/python3/* && -n $(torch_library "$python") && -n $(torch_version "$python") ]]; then
        TORCH_ROOT=$python TORCH_SOURCE="of $(command -v python3)"
    elif [[ -n $(torch_library /usr/local) && -n $(torch_version /usr/local) ]]; then
        TORCH_ROOT=/usr/local TORCH_SOURCE="the system's"
    else
        TORCH_ROOT=/usr TORCH_SOURCE="the system's"
    fi
}

# The remembered one serves unless LIBTORCH names another.
libtorch_still_there() {
    [[ $PACKAGES != compat ]] && return 0
    [[ -n $TORCH_ROOT && -n $(torch_library "$TORCH_ROOT") && -n $(torch_version "$TORCH_ROOT") ]] &&
        [[ -z ${LIBTORCH:-} || $(readlink -f "$LIBTORCH") == "$TORCH_ROOT" ]]
}

torch_library() {
    local library
    for library in "$1"/lib/libtorch.so "$1"/lib64/libtorch.so "$1"/lib/*-linux-gnu/libtorch.so; do
        if [[ -e $library ]]; then
            printf '%s\n' "$library"
            return
        fi
    done
}

# From the header, which Debian's package, a wheel and an unpacked libtorch all have; newer ones moved the macros.
torch_version() {
    local header
    for header in "$1/include/torch/headeronly/version.h" "$1/include/torch/csrc/api/include/torch/version.h"; do
        [[ -f $header ]] || continue
        awk '$1 == "#define" && $2 ~ /^TORCH_VERSION_(MAJOR|MINOR|PATCH)$/ { v = v sep $3; sep = "." } END { print v }' "$header"
        return
    done
}

# --- what Debian and npm provide ------------------------------------------------------------------------------------

install_packages() {
    local offline=$1 needed=() wanted=() list
    command -v "${CXX:-g++}" >/dev/null || needed+=(g++)
    command -v cmake >/dev/null || needed+=(cmake)
    command -v make >/dev/null || command -v ninja >/dev/null || needed+=(make)
    if [[ $PACKAGES == compat && $TORCH_ROOT == /usr ]]; then
        [[ -n $(torch_library /usr) && -n $(torch_version /usr) ]] || needed+=(libtorch-dev)
        # Without it Debian's libtorch multiplies matrices with the reference BLAS, on one core.
        has_library libopenblas.so.0 || wanted+=(libopenblas0-pthread)
    fi
    has_library libzmq.so.5 || wanted+=(libzmq5)
    has_library libturbojpeg.so.0 || wanted+=(libturbojpeg0)
    if [[ ${#needed[@]} -eq 0 && ${#wanted[@]} -eq 0 ]]; then return; fi

    list="${needed[*]} ${wanted[*]}"
    list=${list## }
    if [[ $offline == false ]] && may_install; then
        say "  installing ${list% }"
        if apt_install apt "${needed[@]}" "${wanted[@]}"; then return; fi
        [[ ${#needed[@]} -eq 0 ]] ||
            fail 1 "the packages ${list% } could not be installed;$(first_error "$LOGS/apt.log") The log is $LOGS/apt.log"
    fi
    if [[ ${#needed[@]} -gt 0 ]]; then
        [[ " ${needed[*]} " != *' libtorch-dev '* ]] ||
            fail 2 "no libtorch is there (LIBTORCH is not set, the active Python has no torch, the system has none); set LIBTORCH, or ask for: apt-get install ${list% }"
        fail 2 "this machine lacks what setup must not install itself; ask for: apt-get install ${list% }"
    fi
    say "  missing, but not needed by everyone: ${wanted[*]} (apt-get install ${wanted[*]})"
}

has_library() {
    [[ $(PATH=$PATH:/sbin:/usr/sbin ldconfig -p) == *[[:space:]]"$1 "* ]]
}

# The name and version of every package in an npm lock file.
npm_pins() {
    awk -F'"' '/^    "node_modules\// { name = $2 } /^      "version":/ && name { print name, $4; name = "" }' "$1"
}

plotly_is_current() {
    local installed=$ROOT/node_modules/.package-lock.json
    [[ ! -f $ROOT/package-lock.json ]] ||
        [[ -f $installed && $(npm_pins "$ROOT/package-lock.json") == "$(npm_pins "$installed")" ]]
}

install_plotly() {
    local offline=$1 arguments=(ci --no-audit --no-fund --ignore-scripts)
    if plotly_is_current; then return; fi
    command -v npm >/dev/null ||
        fail 2 'no npm found, which fetches plotly.js for the figures; install Node.js 18 or newer with npm, or copy node_modules from a machine that has it.'
    say '  plotly.js'
    [[ $offline == false ]] || arguments+=(--offline)
    step npm 'plotly.js could not be fetched with npm.' npm --prefix "$ROOT" "${arguments[@]}"
}

# --- building -------------------------------------------------------------------------------------------------------

# build_native NAME SOURCE [CMAKE-ARGUMENT...]: one shared library into artifacts/native.
build_native() {
    local name=$1 source=$2 build=$ARTIFACTS/obj/native/$1 key jobs
    shift 2
    [[ -f $source/CMakeLists.txt ]] || return 0
    # CMake's cache remembers what it found: another libtorch or version starts from nothing.
    key="$* $(torch_version "$TORCH_ROOT") ${CXX:-}"
    if [[ -d $build && $(cat "$build/lthkit.key" 2>/dev/null) != "$key" ]]; then rm -rf "$build"; fi
    mkdir -p "$build"
    say "  building the native library ($name)"
    step "native-$name-configure" "the native library '$name' could not be configured." \
        cmake -S "$source" -B "$build" -DCMAKE_BUILD_TYPE=Release -DCMAKE_LIBRARY_OUTPUT_DIRECTORY="$ARTIFACTS/native" "$@"
    printf '%s\n' "$key" >"$build/lthkit.key"
    # libtorch's headers take about 1.5 GB a compiler.
    jobs=$(awk -v cores="$(nproc)" '/^MemAvailable/ { n = int($2 / 1572864); print n < 1 ? 1 : n < cores ? n : cores }' /proc/meminfo)
    step "native-$name" "the native library '$name' did not build." cmake --build "$build" --parallel "${jobs:-1}"
}

build_solution() {
    local log=$LOGS/build.log arguments=(build "$ROOT/LTHKit.sln" -c Release -v minimal -tl:off -clp:NoSummary -p:NuGetAudit=false)
    [[ $1 == false ]] || arguments+=(--no-incremental)
    say '  building the solution'
    dotnet "${arguments[@]}" </dev/null 2>&1 9>&- | tee "$log" | awk '$2 == "->" { print "    " $1; fflush() }' >&2 ||
        fail 1 "the solution did not build.$(first_error "$log") The log is $log"
}
