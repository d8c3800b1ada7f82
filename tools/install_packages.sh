#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# install_packages.sh GROUP... : installs what packages.txt lists for the groups
# and this machine lacks. Quick when nothing is missing. Needs root or sudo for
# the rest; otherwise it says what to install.
set -eu

list=$(dirname "$0")/packages.txt
missing= optional=
for group; do
  for entry in $(awk -v g="$group" '$1 == g { print $2 "," $3 }' "$list"); do
    package=${entry%%,*}
    name=${package%\?}
    case $entry in
      *,unless:*)
        command -v "${entry##*,unless:}" >/dev/null && continue ;;
    esac
    dpkg-query -W -f '${db:Status-Status}\n' "$name" 2>/dev/null |
      grep -qx installed && continue
    case $package in
      *\?) optional="$optional $name" ;;
      *) missing="$missing $name" ;;
    esac
  done
done

as_root=
if [ "$(id -u)" -ne 0 ]; then
  as_root=sudo
  if ! command -v sudo >/dev/null; then
    [ -z "$missing" ] && exit 0
    echo "These packages are missing. As root: apt-get install$missing" >&2
    exit 1
  fi
fi

# apt-cache knows only what apt-get update has fetched.
if [ -n "$missing" ]; then
  $as_root apt-get update -qq
fi
for name in $optional; do
  apt-cache show "$name" >/dev/null 2>&1 && missing="$missing $name"
done
[ -z "$missing" ] && exit 0
echo "Installing:$missing"
# shellcheck disable=SC2086
$as_root env DEBIAN_FRONTEND=noninteractive \
  apt-get install -y -qq --no-install-recommends $missing >/dev/null
