# Sourced by the other scripts: what they need of the machine, and how it gets there.

# The tools of ip, nft and dnsmasq live here; a user's path does not always say so.
PATH="$PATH:/usr/local/sbin:/usr/sbin:/sbin"

# say TEXT…: one line for whoever watches.
say() { printf '%s\n' "$*"; }

# fail TEXT…: the reason on standard error, and out.
fail() {
    printf '%s: %s\n' "${0##*/}" "$*" >&2
    exit 1
}

# as_root COMMAND…: runs it as root, through sudo if need be.
as_root() {
    if [ "$(id -u)" -eq 0 ]; then
        "$@"
    elif command -v sudo >/dev/null; then
        sudo "$@"
    else
        fail "this needs root and there is no sudo: run it as root"
    fi
}

# install PACKAGE…: with apt, three tries: mirrors have bad moments.
install() {
    local try
    command -v apt-get >/dev/null || fail "please install what is missing: $*"
    say "installing: $*"
    for try in 1 2 3; do
        if as_root env DEBIAN_FRONTEND=noninteractive apt-get install -y -q --no-install-recommends "$@" \
            </dev/null >/dev/null; then
            return
        fi
        say "try $try of 3 failed; asking for the package lists again"
        as_root apt-get update -q </dev/null >/dev/null || true
        sleep "$try"
    done
    fail "could not install: $*"
}

# need PROGRAM:PACKAGE…: installs the packages of those programs that are not there.
need() {
    local pair missing=()
    for pair in "$@"; do
        command -v "${pair%%:*}" >/dev/null || missing+=("${pair#*:}")
    done
    [ ${#missing[@]} -eq 0 ] || install "${missing[@]}"
}

# need_unpacked PROGRAM PACKAGE PATH: the program alone, out of its package: installed, that would start a server of its own on
# this machine.
need_unpacked() {
    local tools=$PWD/target/tools place try
    case ":$PATH:" in *":$tools:"*) ;; *) PATH="$PATH:$tools" ;; esac
    command -v "$1" >/dev/null && return
    command -v apt-get >/dev/null || fail "please install $1, which comes with $2"
    say "fetching: $1"
    place=$(mktemp -d)
    for try in 1 2 3; do
        if (cd "$place" && apt-get download -q "$2" </dev/null >/dev/null 2>&1); then
            mkdir -p "$tools"
            dpkg-deb --fsys-tarfile "$place/$2"_*.deb | tar -x -C "$place" "$3"
            mv "$place/$3" "$tools/$1"
            rm -rf "$place"
            return
        fi
        say "try $try of 3 failed; asking for the package lists again"
        as_root apt-get update -q </dev/null >/dev/null || true
        sleep "$try"
    done
    rm -rf "$place"
    fail "could not fetch $1 out of the package $2"
}

# need_schemathesis: what holds the API against its OpenAPI document, in a Python environment of its own.
need_schemathesis() {
    local place=$PWD/target/tools/openapi wanted=$PWD/tests/netns/openapi/requirements.txt try
    cmp -s "$wanted" "$place/installed.txt" && return
    python3 -c 'import ensurepip, venv' 2>/dev/null || install python3-venv
    say "installing: schemathesis"
    for try in 1 2 3; do
        if python3 -m venv --clear "$place" && "$place/bin/pip" install -q --disable-pip-version-check -r "$wanted"; then
            cp "$wanted" "$place/installed.txt"
            return
        fi
        say "try $try of 3 failed"
        sleep "$try"
    done
    fail "could not install $wanted into $place"
}

# need_axe: what holds the pages against WCAG in the browser tests.
need_axe() {
    local place=$PWD/target/tools/axe version=4.11.0 try
    grep -qs "\"version\": \"$version\"" "$place/node_modules/axe-core/package.json" && return
    need npm:npm
    say "fetching: axe-core"
    for try in 1 2 3; do
        if npm install --silent --no-audit --no-fund --ignore-scripts --prefix "$place" "axe-core@$version" \
            </dev/null >/dev/null; then
            return
        fi
        say "try $try of 3 failed"
        sleep "$try"
    done
    fail "could not fetch axe-core $version into $place"
}

# need_debian: a small Debian in a folder, into which the package is installed by a test, with what a router of two cards has.
need_debian() {
    local place=$PWD/target/tools/debian mark=bookworm-2 try
    [ "$(cat "$place/made" 2>/dev/null)" = "$mark" ] && return
    need debootstrap:debootstrap
    say "making: a small Debian in $place"
    for try in 1 2 3; do
        as_root rm -rf "$place"
        mkdir -p "${place%/*}"
        if as_root debootstrap --variant=minbase \
            --include=nftables,systemd,iproute2,debconf,ifupdown,procps,netbase,dnsmasq bookworm "$place" \
            >"$place.log" 2>&1; then
            as_root rm -rf "$place/var/cache/apt/archives" "$place/var/lib/apt/lists"
            printf '%s\n' "$mark" | as_root tee "$place/made" >/dev/null
            return
        fi
        say "try $try of 3 failed: $(tail -n 1 "$place.log")"
        sleep "$try"
    done
    fail "could not make a Debian in $place; $place.log says why"
}

# need_rust: a toolchain cannot be guessed; say where it comes from.
need_rust() {
    command -v cargo >/dev/null || fail "cargo is not there: install Rust (https://rustup.rs) and come again"
}
