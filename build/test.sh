# shellcheck shell=bash
# ./lthkit test: the style, then every test project. Sourced by ./lthkit.

RESULTS=$ARTIFACTS/test

test_help() {
    cat <<'END'
usage: ./lthkit test [--filter EXPRESSION] [--fast]

Checks the style (dotnet format) and runs every test project; ends with the line `N passed, N failed, N skipped`.

  --filter EXPRESSION  only these tests, as in `dotnet test --filter` (FullyQualifiedName~Mask); leaves the style out
  --fast               without the style and without the tests marked [Trait("Category", "Slow")]

Tests of what this machine lacks (Python, a browser, data) are skipped and say so.
END
}

test_command() {
    local filter='' style=true
    while [[ $# -gt 0 ]]; do
        case $1 in
            -h | --help)
                test_help
                return
                ;;
            --filter | --filter=*)
                if [[ $1 == *=* ]]; then filter=${1#*=}; else
                    filter=${2:-}
                    [[ $# -lt 2 ]] || shift
                fi
                [[ -n $filter ]] || fail 2 '--filter needs an expression, FullyQualifiedName~Mask for one.'
                filter="($filter)"
                style=false
                ;;
            --fast)
                local fast=true
                style=false
                ;;
            *) fail 2 "test does not know '$1'; it takes --filter EXPRESSION and --fast." ;;
        esac
        shift
    done
    if [[ -n ${fast:-} ]]; then filter=${filter:+$filter&}Category!=Slow; fi

    ensure_setup
    use_dotnet
    # Test classes run side by side, one a core: with more threads each they would take the cores from one another.
    export OMP_NUM_THREADS=${OMP_NUM_THREADS:-1}
    # Some talk to servers of their own.
    export no_proxy=${no_proxy:+$no_proxy,}127.0.0.1,localhost
    if [[ $style == true ]]; then install_peers; fi
    PASSED=0 FAILED=0 SKIPPED=0
    if [[ $style == true ]] && ! check_style; then FAILED=1; fi
    rm -rf "$RESULTS"
    local project
    for project in "$ROOT"/tests/*/*.csproj; do
        run_tests "$project" "$filter"
    done
    if [[ -n $filter && $((PASSED + FAILED + SKIPPED)) -eq 0 ]]; then fail 2 "no test matches the filter $filter."; fi
    printf '%d passed, %d failed, %d skipped\n' "$PASSED" "$FAILED" "$SKIPPED"
    [[ $FAILED -eq 0 ]]
}

# What some tests of the whole suite talk to; without it they are skipped.
install_peers() {
    local missing=() module program
    for module in jupyter_client nbclient nbformat; do
        [[ -e /usr/lib/python3/dist-packages/$module ]] || missing+=("python3-${module//_/-}")
    done
    for program in jupyter-notebook chromium; do
        command -v "$program" >/dev/null || missing+=("$program")
    done
    [[ ${#missing[@]} -gt 0 ]] || return 0
    if may_install; then
        say "  installing for the tests: ${missing[*]}"
        logged peers apt_install "${missing[@]}" && return
        say "  not installed (see $LOGS/peers.log); the tests that need them are skipped"
    else
        say "  the tests that need ${missing[*]} are skipped: only root can install them, with apt"
    fi
}

may_install() {
    [[ $(id -u) -eq 0 ]] && command -v apt-get >/dev/null
}

apt_install() {
    local install=(apt-get install -y --no-install-recommends "$@")
    export DEBIAN_FRONTEND=noninteractive
    "${install[@]}" || { apt-get update && "${install[@]}"; }
}

check_style() {
    say '  style'
    if logged format dotnet format "$SOLUTION" --no-restore --verify-no-changes; then return; fi
    grep -m 20 -E '(error|warning) ' "$LOGS/format.log" >&2 || tail -n 5 "$LOGS/format.log" >&2
    say "lthkit: the style differs from .editorconfig; 'dotnet format LTHKit.sln' repairs most of it. The log is $LOGS/format.log"
    return 1
}

# Each project by itself, so that one whose process dies does not take the others' results along.
run_tests() {
    local name arguments results
    name=$(basename "$1" .csproj)
    results=$RESULTS/$name.trx
    arguments=(test "$1" -c Release --no-build --nologo --results-directory "$RESULTS" --logger "trx;LogFileName=$name.trx"
        --blame-hang --blame-hang-timeout 15m --blame-hang-dump-type none)
    [[ -z $2 ]] || arguments+=(--filter "$2")
    say "  $name"
    local failed_before=$FAILED ended=0
    # The runner's own chatter is left out; what fails, and why, is not.
    dotnet "${arguments[@]}" </dev/null 2>&1 |
        { grep --line-buffered -vE "^(Test run for|A total of|Results File|Data collector|No test |Additionally, path)|^$" || true; } || ended=$?
    [[ ! -f $results ]] || count_results "$results"
    # A process that died or never started leaves no failed test behind: it counts as one.
    if [[ $ended -ne 0 && $FAILED -eq $failed_before ]]; then
        say "lthkit: the tests of $name did not run to their end."
        FAILED=$((FAILED + 1))
    fi
}

# Adds what a result file says. Its notExecuted is always 0: what was not executed was skipped.
count_results() {
    local counters total executed passed
    counters=$(grep -m1 -o '<Counters [^>]*>' "$1") || return 0
    total=$(counter total "$counters") executed=$(counter executed "$counters") passed=$(counter passed "$counters")
    PASSED=$((PASSED + passed))
    FAILED=$((FAILED + executed - passed))
    SKIPPED=$((SKIPPED + total - executed))
}

# counter NAME ELEMENT: the value of an attribute.
counter() {
    local value=${2#* "$1"=\"}
    printf '%s' "${value%%\"*}"
}
