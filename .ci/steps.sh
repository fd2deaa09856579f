# What .ci/run and .ci/long share. Sourced by both, from the root of the repository.
set -u -o pipefail
export CARGO_TERM_COLOR=never RUST_BACKTRACE=1
# Everything is built once: incremental builds and debug information would cost time and disk for nothing.
export CARGO_INCREMENTAL=0 CARGO_PROFILE_DEV_DEBUG=none

failed=()

# Runs a command as a named step and says how long it took. A step that fails doesn't stop the others.
step() {
    local name=$1 started=$SECONDS
    shift
    printf '\n== %s\n' "$name"
    if "$@"; then
        printf '== %s: ok (%s s)\n' "$name" $((SECONDS - started))
    else
        printf '== %s: FAILED (%s s)\n' "$name" $((SECONDS - started))
        failed+=("$name")
    fi
}

# Runs every fuzz target for so many seconds, with further arguments of `cargo fuzz`. What fuzzing builds with comes with
# nightly alone; everything else is proved on stable, the seeds included.
fuzz() {
    if ! cargo +nightly --version >/dev/null 2>&1 || ! command -v c++ >/dev/null; then
        echo "skipped: there is no nightly toolchain with a C++ compiler here; the seeds ran with the tests"
        return 0
    fi
    local seconds=$1 target outcome=0
    shift
    for target in $(sed -n 's|^path = "fuzz_targets/\(.*\)\.rs"$|\1|p' fuzz/Cargo.toml); do
        KEYFOB_FUZZ_VERBOSITY=0 fuzz/run "$target" "$seconds" "$@" || outcome=1
    done
    return $outcome
}

# Says which steps failed, and fails if any did.
finish() {
    printf '\n%s s in all\n' "$SECONDS"
    if [ ${#failed[@]} -eq 0 ]; then
        echo "all steps passed"
    else
        printf 'failed: %s\n' "${failed[@]}"
        exit 1
    fi
}
