#!/usr/bin/env bash
# Makes .venv from the lock file and sees to the system libraries. Usage: tools/setup.sh base|dev
set -euo pipefail
cd "$(dirname "$0")/.."
kind="${1:-base}"
python="${PYTHON:-python3}"

say() { printf 'setup: %s\n' "$*" >&2; }

if ! "$python" -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null; then
    say "Python 3.11 or newer is needed; install it or run make PYTHON=/path/to/python3.11"
    exit 1
fi

# System packages: named always, installed where that needs no password.
missing=()
if [ "$(uname -s)" = Linux ]; then
    has() { ldconfig -p 2>/dev/null | grep -q "$1"; }
    has libEGL.so.1 || missing+=(libegl1)
    has libGL.so.1 || missing+=(libgl1)
    if ! compgen -G "/usr/lib/*/dri/swrast_dri.so" >/dev/null && ! compgen -G "/usr/lib/*/libgallium*" >/dev/null; then
        missing+=(libgl1-mesa-dri)
    fi
    if [ "$kind" = dev ]; then
        has libespeak-ng.so.1 || missing+=(libespeak-ng1)
        command -v ffprobe >/dev/null || missing+=(ffmpeg)
        command -v npm >/dev/null || missing+=(npm)
        command -v chromium >/dev/null || command -v google-chrome >/dev/null || missing+=(chromium)
    fi
fi
if [ "${#missing[@]}" -gt 0 ]; then
    as_root=()
    [ "$(id -u)" = 0 ] || as_root=(sudo -n)
    if command -v apt-get >/dev/null && { [ "$(id -u)" = 0 ] || sudo -n true 2>/dev/null; }; then
        say "installing ${missing[*]}"
        export DEBIAN_FRONTEND=noninteractive
        "${as_root[@]}" apt-get update -qq
        "${as_root[@]}" apt-get install -y -qq --no-install-recommends "${missing[@]}" >/dev/null
    else
        say "missing system packages (Debian/Ubuntu names): ${missing[*]}"
        say "install them, for example: sudo apt-get install ${missing[*]}"
        exit 1
    fi
fi

[ -x .venv/bin/python ] || "$python" -m venv .venv
if command -v uv >/dev/null; then
    uv=uv
else
    [ -x .venv/bin/uv ] || .venv/bin/python -m pip install --quiet uv
    uv=.venv/bin/uv
fi
case "$kind" in
base) "$uv" sync --quiet --frozen --inexact --no-dev --python .venv/bin/python ;;
dev) "$uv" sync --quiet --frozen --inexact --extra editor --extra maker --extra train --python .venv/bin/python ;;
*)
    say "usage: tools/setup.sh base|dev"
    exit 2
    ;;
esac
