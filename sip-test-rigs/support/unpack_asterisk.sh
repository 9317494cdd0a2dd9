#!/bin/sh
# See usage. apt works in a folder of its own, with the keys of Debian; not one package is installed, and no script of one is run.
set -eu

usage() {
    cat <<'TEXT'
usage: unpack_asterisk.sh DIR

Unpacks Debian's Asterisk (sid: not every release has it) and the libraries that it needs into DIR, for the rigs that
play with it. Some 80 MB are fetched and 270 MB stay. You need not be root, the machine must be a Debian, and nothing
of it is changed. The mirror is the one that apt is configured with, else deb.debian.org. A DIR that is there already
is left alone. Elsewhere than in .cache/asterisk of the project rigs find it by ASTERISK_ROOT=DIR.
TEXT
}

case "${1:-}" in
-h | --help) usage && exit 0 ;;
"" | -*) usage >&2 && exit 2 ;;
esac

dir=$1
keys=/usr/share/keyrings/debian-archive-keyring.gpg
[ ! -e "$dir" ] || { echo "$dir is there already: remove it to have it made anew"; exit 0; }
[ -e "$keys" ] || { echo "$keys is missing. Install: sudo apt-get install -y debian-archive-keyring" >&2; exit 1; }
mkdir -p "$(dirname "$dir")"
new=$(mktemp -d "$dir.XXXXXX")
trap 'rm -rf "$new"' EXIT
trap 'exit 1' INT TERM
chmod 755 "$new"
apt=$(cd "$new" && pwd)/apt

# Only the list of Debian itself says `Label: Debian`. The dates of lists are not looked at: a mirror may be a snapshot.
mirror=$(apt-get indextargets --format '$(LABEL) $(REPO_URI)' 'Created-By: Packages' | awk '$1 == "Debian" { print $2; exit }')
mkdir -p "$apt/lists/partial" "$apt/archives/partial" "$apt/none"
: >"$apt/status"
echo "deb [signed-by=$keys] ${mirror:-http://deb.debian.org/debian} sid main" >"$apt/sources.list"
cat >"$apt/apt.conf" <<TEXT
Dir::State "$apt";
Dir::State::status "$apt/status";
Dir::Cache "$apt";
Dir::Etc::sourcelist "$apt/sources.list";
Dir::Etc::sourceparts "$apt/none";
Dir::Etc::preferences "$apt/none/preferences";
Dir::Etc::preferencesparts "$apt/none";
APT::Install-Recommends "false";
APT::Sandbox::User "root";
Acquire::Check-Valid-Until "false";
Acquire::Languages "none";
TEXT
APT_CONFIG=$apt/apt.conf
export APT_CONFIG

apt-get update -qq
apt-get install -y -qq --download-only asterisk >/dev/null
for package in "$apt"/archives/*.deb; do
    dpkg-deb -x "$package" "$new"
done
rm -rf "$apt"
mv "$new" "$dir"
trap - EXIT
echo "Asterisk is in $dir"
