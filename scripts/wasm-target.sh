#!/usr/bin/env bash
# Make `cargo build --target wasm32-unknown-unknown` work for the active toolchain.
#
# 1. Nothing to do where the target is already there.
# 2. `rustup target add`, the ordinary way.
# 3. Where rustup has no network: build `std` for the target from the source of
#    the same compiler version. The source is taken from, in this order,
#      $STOCKADE_RUST_SRC       a `library/` directory (air-gapped machines)
#      <sysroot>/lib/rustlib/src/rust/library   (rustup component rust-src)
#      Debian's package rust-src, from the mirror apt is set up with
set -euo pipefail

target=wasm32-unknown-unknown
sysroot=$(rustc --print sysroot)
version=$(rustc --version | cut -d' ' -f2)
destination=$sysroot/lib/rustlib/$target/lib

say() { printf 'wasm-target: %s\n' "$*" >&2; }

present() { compgen -G "$destination/libstd[-.]*rlib" >/dev/null; }

work=
cleanup() { [ -z "$work" ] || rm -rf "$work"; }
trap cleanup EXIT

by_rustup() {
    command -v rustup >/dev/null || return 1
    say "trying rustup target add $target"
    timeout 120 rustup target add "$target" >/dev/null 2>&1 && present
}

# Prints the `library/` directory of Debian's rust-src of exactly this version.
debian_source() {
    command -v apt-get >/dev/null || return 1
    local mirror keyring=/usr/share/keyrings/debian-archive-keyring.gpg
    [ -r "$keyring" ] || return 1
    mirror=$(apt-get indextargets --format '$(REPO_URI)' | grep -m1 '/debian/*$') || return 1
    mkdir -p "$work/apt/lists/partial" "$work/apt/cache/archives/partial" "$work/package"
    local suite
    for suite in "$(. /etc/os-release && echo "${VERSION_CODENAME:-}")" trixie-backports forky sid; do
        [ -n "$suite" ] || continue
        printf 'deb [signed-by=%s] %s %s main\n' "$keyring" "$mirror" "$suite" >"$work/apt/sources.list"
        local options=(
            -o Dir::Etc::sourcelist="$work/apt/sources.list" -o Dir::Etc::sourceparts=/dev/null
            -o Dir::State::lists="$work/apt/lists" -o Dir::Cache="$work/apt/cache"
            -o APT::Sandbox::User=root
        )
        apt-get "${options[@]}" update >/dev/null 2>&1 || continue
        (cd "$work" && apt-get "${options[@]}" download "rust-src=$version*" >/dev/null 2>&1) || continue
        dpkg-deb -x "$work"/rust-src_*.deb "$work/package"
        compgen -G "$work/package/usr/src/rustc-*/library"
        return 0
    done
    return 1
}

source_directory() {
    if [ -n "${STOCKADE_RUST_SRC:-}" ]; then
        echo "$STOCKADE_RUST_SRC"
    elif [ -f "$sysroot/lib/rustlib/src/rust/library/sysroot/Cargo.toml" ]; then
        echo "$sysroot/lib/rustlib/src/rust/library"
    else
        say "looking for the source of $version among Debian's packages"
        debian_source
    fi
}

by_source() {
    work=$(mktemp -d)
    local library
    library=$(source_directory) && [ -f "$library/sysroot/Cargo.toml" ] || return 1
    say "building std for $target from source (about half a minute)"
    cp -rL "$library" "$work/library"
    (
        cd "$work/library"
        # The cfgs and flags that rustup's own std is built with. A caller's
        # settings (wrapper, encoded flags, target directory) must not leak in.
        unset CARGO_ENCODED_RUSTFLAGS RUSTC_WRAPPER CARGO_BUILD_TARGET
        RUSTC_BOOTSTRAP=1 RUSTFLAGS="-Zforce-unstable-if-unmarked -Cembed-bitcode=yes" \
            CARGO_TARGET_DIR="$work/build" \
            cargo build --quiet --release -p sysroot --features panic-unwind --target "$target"
    ) || return 1
    mkdir -p "$destination"
    local file
    for file in "$work/build/$target"/release/deps/lib*.{rlib,rmeta}; do
        case ${file##*/} in libsysroot-*) ;; *) cp "$file" "$destination/" ;; esac
    done
    present
}

if present; then
    say "$target is installed for rustc $version"
elif by_rustup; then
    say "$target installed by rustup"
elif by_source; then
    say "$target built from source for rustc $version"
else
    say "could not install $target for rustc $version."
    say "  With network: rustup target add $target"
    say "  Without: unpack the rust-src component of rustc $version and run"
    say "    STOCKADE_RUST_SRC=/path/to/library $0"
    exit 1
fi
