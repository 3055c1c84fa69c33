#!/bin/sh
# The life of a workspace on a real deployment that `coder` is logged in to: `tests/live/coder.sh TEMPLATE`.
#
# Everything of it is in a folder of its own and in workspaces whose names begin with a prefix of its own: nothing else
# is looked at, and nothing of it is left, however this ends. What it prints has neither addresses nor names in it.
# CRABBOX names the program, CODER the other one.
set -eu

template=${1:?"which template?"}
crabbox=${CRABBOX:-crabbox}
coder=${CODER:-coder}
folder=$(mktemp -d)
prefix=live$$
export CRABBOX_PROVIDER=coder CRABBOX_CODER_TEMPLATE="$template" CRABBOX_CODER_PREFIX="$prefix"
export CRABBOX_STATE_DIR="$folder/state" CRABBOX_CODER_CLI
CRABBOX_CODER_CLI=$(command -v "$coder")
checks=0
# What runs beside this.
pid=

# The workspaces of this script that are there, one a line.
ours() {
  "$coder" list -o json --search "owner:me name:$prefix-" |
    sed -n "s/^    \"name\": \"\($prefix-[^\"]*\)\".*/\1/p"
}

clean() {
  code=$?
  trap - EXIT INT TERM HUP
  # What it hasn't asked for yet isn't made any more.
  [ -z "$pid" ] || kill -9 "$pid" 2>/dev/null || true
  for name in $(ours); do
    # One that is being built can't be deleted yet.
    for _ in 1 2 3 4 5 6; do
      "$coder" delete "$name" --yes </dev/null >/dev/null 2>&1 && break
      sleep 10
    done
  done
  left=$(ours | wc -l)
  rm -rf "$folder"
  echo "checks: $checks, workspaces left: $((left))"
  [ "$left" -eq 0 ] || code=1
  exit "$code"
}
trap clean EXIT
trap 'exit 130' INT TERM HUP

# Says what is checked, runs it, and wants that exit code and, if it is given, that output.
check() {
  what=$1 code=$2 output=$3
  shift 3
  began=$(date +%s)
  came=0
  said=$("$crabbox" "$@" </dev/null 2>"$folder/stderr") || came=$?
  took=$(($(date +%s) - began))
  if [ "$came" -ne "$code" ] || { [ -n "$output" ] && [ "$said" != "$output" ]; }; then
    echo "FAIL  $what: exit $came, not $code, after $took s"
    # Names of hosts, users and ids are nobody's business.
    sed -e 's#[a-z]*://[^ ]*#[URL]#g' -e 's/[0-9a-f-]\{36\}/[ID]/g' "$folder/stderr" | tail -n 5
    exit 1
  fi
  checks=$((checks + 1))
  echo "ok    $what ($took s)"
}

count() { ours | wc -l | tr -d ' '; }

wants() {
  [ "$2" = "$3" ] || { echo "FAIL  $1: $2, not $3"; exit 1; }
  checks=$((checks + 1))
  echo "ok    $1"
}

mkdir "$folder/checkout"
cd "$folder/checkout"
git init -q
echo hello >hello.txt
git add -A
git -c user.name=t -c user.email=t@example.org commit -qm one

check "doctor" 0 "" doctor
check "warmup" 0 "" warmup
wants "one workspace" "$(count)" 1
check "a warm run" 0 hello run -- cat hello.txt
check "its exit code" 7 "" run --shell "exit 7"
echo edited >hello.txt
check "an edit that isn't committed" 0 edited run -- cat hello.txt
check "a shell" 0 edited ssh @last -- cat hello.txt
check "a copy" 0 "" cp @last:hello.txt "$folder/copy"
wants "what was copied" "$(cat "$folder/copy")" edited
check "status" 0 "" status @last
check "more time" 0 "" extend @last 9h
check "stop" 0 "" stop @last
check "a run that starts it again" 0 edited run -- cat hello.txt
check "deletion" 0 "" stop @last --delete --yes
wants "no workspace" "$(count)" 0

check "a template that isn't there" 2 "" warmup --coder-template "$prefix-no-such-template"
wants "nothing was made" "$(count)" 0

check "another one" 0 "" warmup --fresh
name=$(ours)
"$coder" delete "$name" --yes </dev/null >/dev/null 2>&1
"$coder" create "$name" --template "$template" --yes --preset none --use-parameter-defaults \
  </dev/null >/dev/null
check "one that was replaced under its name" 0 "" stop @last --delete --yes
wants "the other one is left alone" "$(ours)" "$name"
"$coder" delete "$name" --yes </dev/null >/dev/null 2>&1

"$crabbox" warmup --fresh </dev/null >/dev/null 2>&1 &
pid=$!
while [ "$(count)" -eq 0 ] && kill -0 "$pid" 2>/dev/null; do sleep 1; done
kill -9 "$pid" 2>/dev/null || true
wait "$pid" 2>/dev/null || true
pid=
check "what a killed one has made is used" 0 edited run -- cat hello.txt
wants "there is no second" "$(count)" 1
check "the end" 0 "" stop @last --delete --yes
wants "nothing is left" "$(count)" 0
