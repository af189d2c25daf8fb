# Shared by the scripts: where the project is, how they speak, what a source file is. Sourced, never run.
# shellcheck shell=bash

root=$(cd "$(dirname "${BASH_SOURCE[0]}")/../.." && pwd)
cd "$root" || exit 1

say() { printf '%s\n' "$*"; }
heading() { printf '\n== %s\n' "$*"; }
die() {
    printf '%s: %s\n' "$(basename "$0")" "$*" >&2
    exit 1
}

# The compiler cache serves every checkout of the same sources, wherever it lies.
export CCACHE_BASEDIR=$root CCACHE_NOHASHDIR=1

# Headers that install-deps unpacks; CMake looks here too (Dependencies.cmake).
export TASKER_DEPS_CACHE=${TASKER_DEPS_CACHE:-${XDG_CACHE_HOME:-${HOME:-/var/tmp}/.cache}/tasker-host/deps}

# Tasker's own clients, which scripts/tasker-clients brings; the end-to-end tests look here too (tests/e2e/clients).
export TASKER_CLIENTS_CACHE=${TASKER_CLIENTS_CACHE:-${XDG_CACHE_HOME:-${HOME:-/var/tmp}/.cache}/tasker-host/clients}

jobs() { nproc 2>/dev/null || echo 2; }

# Tracked files that match the given patterns; without git (a source archive) all such files outside of build/.
tracked() {
    if git rev-parse --is-inside-work-tree >/dev/null 2>&1; then
        git ls-files -- "$@" | while IFS= read -r file; do if [[ -f $file ]]; then printf '%s\n' "$file"; fi; done
    else
        local pattern arguments=()
        for pattern in "$@"; do
            [[ $pattern == *\** ]] && arguments+=(-o -path "./$pattern") || arguments+=(-o -path "./$pattern/*")
        done
        find . -path ./build -prune -o -type f \( -false "${arguments[@]}" \) -print | sed 's|^\./||' | sort
    fi
}

# Passes a program's lines on, thins out ninja's progress, and breaks a long silence.
narrate() {
    local line begun='' started=$SECONDS status count
    while true; do
        status=0
        IFS= read -r -t 30 line || status=$?
        line=$begun$line
        begun=''
        if ((status > 128)); then
            begun=$line
            printf '   ... still running after %d s\n' $((SECONDS - started))
            continue
        fi
        if ((status != 0)); then break; fi
        if [[ $line =~ ^\[([0-9]+)/([0-9]+)\] ]]; then
            count=${BASH_REMATCH[1]}
            if ((count % 20 != 0 && count != BASH_REMATCH[2])); then continue; fi
        fi
        printf '%s\n' "$line"
    done
    if [[ -n $line ]]; then printf '%s\n' "$line"; fi
}

# build_preset PRESET [TARGET...]: configures when needed and builds. Arguments that start with -D go to CMake.
build_preset() {
    local preset=$1 targets=() definitions=() argument
    shift
    for argument in "$@"; do
        if [[ $argument == -D* ]]; then definitions+=("$argument"); else targets+=("$argument"); fi
    done
    say "Configuring build/$preset"
    if ! cmake --preset "$preset" "${definitions[@]}" >"build/.$preset.configure.log" 2>&1; then
        cat "build/.$preset.configure.log" >&2
        return 1
    fi
    say "Building build/$preset with $(jobs) jobs"
    ninja -C "build/$preset" -j "$(jobs)" "${targets[@]}" 2>&1 | narrate
    return "${PIPESTATUS[0]}"
}

# What a build that is only run needs: no tests, no benchmarks. A folder that already has them keeps them, so that
# switching between the scripts rebuilds nothing.
release_definitions() {
    local option cache=build/release/CMakeCache.txt
    for option in TASKER_BUILD_TESTS TASKER_BUILD_BENCH; do
        if ! { [[ -f $cache ]] && grep -q "^$option:[A-Z]*=ON" "$cache"; }; then printf -- '-D%s=OFF\n' "$option"; fi
    done
}

mkdir -p build
