# SPDX-License-Identifier: Apache-2.0
# shellcheck shell=bash
# The steps of .ci/run and .ci/nightly. Each runs in its own shell with -euo pipefail.

step_packages() {
    local p missing=()

    # npm comes from Debian unless another one is here already (the two conflict).
    for p in $(./quickstart deps --ci --list) $(command -v npm >/dev/null || echo npm); do
        [ "$(dpkg-query -W -f='${db:Status-Status}' "$p" 2>/dev/null)" = installed ] ||
            missing+=("$p")
    done
    apt-get -q update
    if [ ${#missing[@]} -gt 0 ]; then
        echo "installing ${missing[*]}"
        apt-get -q -y -o Dpkg::Use-Pty=0 install --no-install-recommends "${missing[@]}"
    fi
    # ccache only makes a second run shorter.
    command -v ccache >/dev/null || apt-get -q -y install --no-install-recommends ccache || true
}

step_full() {
    PROXIMO_BUILD="$OUT/gcc" MUST_RUN=1 ./quickstart test
}

# The differential tests of the analysers against their models, 10,000 random clusters a class.
step_models() {
    configured "$OUT/models" gcc
    make -s -C "$OUT/models" -j"$JOBS" all
    make -s -C "$OUT/models" -j"$JOBS" check-models-many
}

# faults_all TEST: every request of every change failing in every way; the test run of a change takes
# one way for each.
step_faults_all() {
    FAULTS=all MUST_RUN=1 top_srcdir=$ROOT top_builddir=$OUT/gcc python3 "tests/integration/$1.py"
}

step_sanitizers() {
    # strict_string_checks is off: it takes strndup() of a bounded buffer for a mistake.
    export ASAN_OPTIONS=detect_stack_use_after_return=1
    export UBSAN_OPTIONS=print_stacktrace=1
    configured "$OUT/asan" gcc --enable-sanitizers
    make -s -C "$OUT/asan" -j"$JOBS" all
    MUST_RUN=1 make -s -C "$OUT/asan" -j"$JOBS" check
}

step_clang() {
    configured "$OUT/clang" clang
    make -s -C "$OUT/clang" -j"$JOBS" all
    make -s -C "$OUT/clang" -j"$JOBS" check-fast
}

# Product sources; tests are compiled with warnings as errors but not analysed.
product_sources() {
    find common proximo-client pveagentd -name '*.c' | sort
}

# Compiler flags as the build uses them, for tools that do not run the build.
analyser_flags() {
    local b=$OUT/gcc

    printf '%s\n' -std=gnu17 -D_GNU_SOURCE -include "$b/config.h" "-I$ROOT" \
        '-DSYSCONFDIR="/etc"' '-DLOCALSTATEDIR="/var"' '-DLIBEXECDIR="/usr/libexec"' \
        '-DBINDIR="/usr/bin"' '-DSBINDIR="/usr/sbin"'
    pkg-config --cflags libcrypto libssl json-c libcurl libevent | tr -s ' ' '\n'
}

step_gcc_analyzer() {
    # The leak gate: it understands the cleanup attribute, the clang analysers do not. Warnings are
    # collected, not errors, so that every file is looked at.
    configured "$OUT/analyzer" gcc --disable-werror CFLAGS="-g -O1 -fanalyzer" CPPFLAGS=-DANALYSER
    make -s -C "$OUT/analyzer" -j"$JOBS" all 2>"$OUT/analyzer.txt" || {
        cat "$OUT/analyzer.txt"
        return 1
    }
    accepted warning '-Wanalyzer[^]]*' "$OUT/analyzer.txt" .ci/analyzer-accepted
}

# accepted WORD CHECK REPORT LIST: findings `file:line: WORD: … [CHECK]`, by file and check, held
# against the list of those that were looked at; one more than listed fails.
accepted() {
    sed -n "s#^$ROOT/##; s#^\(\.\./\)*##; s#^\([^:]*\):[0-9:]* $1: .*\[\($2\)\]\$#\1 \2#p" "$3" | sort | uniq -c |
        awk 'NR == FNR {if ($0 !~ /^#/ && NF) ok[$1 " " $2] = $3; next}
             {k = $2 " " $3; n++; if ($1 > ok[k]) {print "new: " k " (" $1 ")"; bad = 1}}
             END {print n + 0 " files and checks reported"; exit bad}' "$4" - || {
        cat "$3"
        return 1
    }
}

step_clang_tidy() {
    local flags

    mapfile -t flags < <(analyser_flags)
    export TIDY_OUT="$OUT/tidy"
    rm -rf "$TIDY_OUT"
    mkdir -p "$TIDY_OUT"
    product_sources | tr '\n' '\0' | xargs -0 -P "$JOBS" -I{} sh -c \
        'f=$1; shift; clang-tidy --quiet "$f" -- "$@" >"$TIDY_OUT/$(echo "$f" | tr / _)" 2>&1 || true' \
        _ {} "${flags[@]}"
    find "$TIDY_OUT" -type f -exec cat {} + | grep -v 'warnings\? generated\|^Suppressed' \
        >"$OUT/tidy.txt" || true
    if grep -q 'error: ' "$OUT/tidy.txt"; then
        grep -A5 'error: ' "$OUT/tidy.txt"
        return 1
    fi
    accepted warning '[a-zA-Z0-9.-]*' "$OUT/tidy.txt" .ci/tidy-accepted
}

step_cppcheck() {
    cppcheck --quiet --error-exitcode=1 --enable=warning,portability --inline-suppr -j "$JOBS" \
        --std=c11 --force --max-configs=2 -I . -D_GNU_SOURCE -D__linux__ \
        --suppress=memleak --suppress=resourceLeak --suppress=missingInclude \
        --suppress=nullPointerOutOfMemory --suppress=unknownMacro \
        --suppressions-list=.ci/cppcheck-accepted \
        --template='{file}:{line}: {severity}: {message} [{id}]' common proximo-client pveagentd
}

step_shellcheck() {
    git ls-files -z '*.sh' quickstart .ci/run .ci/nightly .ci/fresh .ci/lib.sh .ci/steps.sh |
        xargs -0 shellcheck -x -S warning -e SC2034,SC2154
}

# fuzz SECONDS: all targets share that much time on the processors there are. FUZZ_SEED makes the
# order of inputs one that was tried before.
step_fuzz() {
    local total=$1 targets each

    configured "$OUT/fuzz" clang --enable-fuzzing
    make -s -C "$OUT/fuzz" -j"$JOBS" fuzz-programs
    mapfile -t targets < <(find "$OUT/fuzz/tests/fuzz" -type f -perm -u+x -name 'fuzz_*' | sort)
    if [ ${#targets[@]} -eq 0 ]; then
        echo "no fuzz target in this tree"
        return 0
    fi
    each=$((total * JOBS / ${#targets[@]}))
    [ "$each" -ge 3 ] || each=3
    echo "${#targets[@]} targets, $each s each, $JOBS at a time"
    printf '%s\0' "${targets[@]}" | xargs -0 -P "$JOBS" -I{} bash -c '
        name=$(basename "$1"); work=$3/found/$name; mkdir -p "$work"
        dict=tests/fuzz/$name.dict; opt=; [ ! -f "$dict" ] || opt=-dict=$dict
        if ! "$1" $opt ${FUZZ_SEED:+-seed=$FUZZ_SEED} -max_total_time="$2" -timeout=10 -rss_limit_mb=2048 -print_final_stats=1 \
            -artifact_prefix="$work/" "$work" "tests/fuzz/corpus/$name" >"$work.log" 2>&1; then
            echo "FAILED $name"; tail -n 30 "$work.log"; exit 1
        fi
        grep -h number_of_executed_units "$work.log" | sed "s/^/$name /"' _ {} "$each" "$OUT/fuzz"
}

step_distcheck() {
    # The whole cycle from the tarball; of the tests the quick ones (the others ran above).
    make -s -C "$OUT/gcc" -j"$JOBS" distcheck-fast \
        DISTCHECK_CONFIGURE_FLAGS="CC='$(with_ccache gcc)'"
}

# Built in a copy, as a packager would: nothing of this checkout's builds in it.
step_debian() {
    local dir=$OUT/deb/proximo

    rm -rf "$OUT/deb"
    mkdir -p "$dir"
    git ls-files -z | xargs -0 tar cf - | tar xf - -C "$dir"
    (cd "$dir" && dpkg-buildpackage -us -uc --jobs="$JOBS")
    ls -l "$OUT"/deb/*.deb
}

step_lintian() {
    lintian --allow-root --fail-on error,warning --info "$OUT"/deb/*.changes
}

step_package_contents() {
    bash tests/testbed/package_contents.sh "$OUT/deb"
}

step_node_packages() {
    DEBS=$OUT/deb MUST_RUN=1 bash tests/integration/node_packages.sh
}

step_network_cut() {
    DEBS=$OUT/deb MUST_RUN=1 bash tests/integration/network_cut.sh
}

# Tests clean up after themselves: no process, mount, loop device or container of theirs is left.
step_left_behind() {
    local left=0

    if pgrep -af "^$OUT/|/proximo-(lab|test|node)-" | grep -v pgrep; then
        left=1
    fi
    if grep -E '/proximo-(lab|test|node)-' /proc/mounts; then
        left=1
    fi
    if losetup -a | grep -E 'proximo-(lab|test|node)-'; then
        left=1
    fi
    return $left
}

step_demo() {
    PROXIMO_BUILD="$OUT/gcc" ./quickstart demo
}

step_valgrind() {
    # Unit tests only, each as its own process; a definite leak or a bad access fails it.
    configured "$OUT/valgrind" gcc
    make -s -C "$OUT/valgrind" -j"$JOBS" all
    make -s -C "$OUT/valgrind" -j"$JOBS" check-unit LOG_COMPILER=valgrind \
        AM_LOG_FLAGS="-q --error-exitcode=99 --leak-check=full --errors-for-leak-kinds=definite \
        --suppressions=$ROOT/tests/testbed/valgrind.supp"
}

step_bench() {
    make -s -C "$OUT/gcc" bench
}
