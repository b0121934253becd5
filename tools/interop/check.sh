#!/usr/bin/env bash
# Other people's clients and servers against ours: the official Python clients of OpenEnv and MCP against `parl-mt env serve`,
# and foreign MCP servers as environments. Needs a build (npm run build), Python 3.11 or newer with pip, and the checkers in
# ../shared/interop (or PARL_MT_SHARED). Virtual environments and the filesystem server go to a cache folder outside the project.
#
#   bash tools/interop/check.sh [openenv] [mcp] [episodes]      all three by default
#
# Exits 1 when a check fails, 3 when the checks cannot run here (the reason is printed).
set -uo pipefail
root=$(cd "$(dirname "$0")/../.." && pwd)
interop="${PARL_MT_SHARED:-$root/../shared}/interop"
cache="${PARL_MT_INTEROP_CACHE:-${XDG_CACHE_HOME:-$HOME/.cache}/parl-mt-interop}"
parl=(node "$root/apps/cli/bin/parl-mt.mjs")
parts=("$@")
[ ${#parts[@]} -gt 0 ] || parts=(openenv mcp episodes)
failed=0
server_pid=

skip() { echo "interop: SKIPPED, $1"; exit 3; }
stop_server() { [ -z "$server_pid" ] || { kill "$server_pid" 2>/dev/null; wait "$server_pid" 2>/dev/null; server_pid=; }; }
trap stop_server EXIT

[ -f "$interop/check_openenv.py" ] || skip "no checkers at $interop"
[ -f "$root/apps/cli/dist/main.js" ] || skip "parl-mt is not built: npm run build"
command -v python3 >/dev/null || skip "no python3"

# venv NAME REQUIREMENTS: a virtual environment of its own per set of pinned packages.
venv() {
  local folder="$cache/$1-$(sha256sum "$2" | cut -c1-12)"
  if [ ! -x "$folder/bin/python" ]; then
    echo "interop: installing $(basename "$2") into $folder" >&2
    rm -rf "$folder.new"
    { python3 -m venv "$folder.new" && "$folder.new/bin/pip" install -q --disable-pip-version-check -r "$2" >&2; } || return 1
    # Scripts in bin name the old folder; only the interpreter is used.
    mv "$folder.new" "$folder"
  fi
  echo "$folder/bin/python"
}

# serve OPTIONS...: starts the server on a free port and sets address.
serve() {
  local out="$cache/server.out"
  : > "$out"
  "${parl[@]}" env serve --port 0 "$@" > "$out" 2>"$cache/server.err" &
  server_pid=$!
  for _ in $(seq 600); do
    address=$(sed -n 's/^listening on \([^ ]*\): .*/\1/p' "$out")
    [ -n "$address" ] && return 0
    kill -0 "$server_pid" 2>/dev/null || break
    sleep 0.1
  done
  echo "interop: the server did not start"; cat "$cache/server.err"
  failed=1
  return 1
}

# check NAME COMMAND...: runs a checker and notes whether it failed.
check() {
  echo "== $1"
  shift
  (cd "$interop" && PYTHONDONTWRITEBYTECODE=1 "$@") || { echo "== FAILED"; failed=1; }
}

mkdir -p "$cache"
# One turn, every function of one class: one `respond` ends an episode, and the calls below are always on offer.
small=(--synthesis.tasks 16 --synthesis.min-turns 1 --synthesis.max-turns 1 --synthesis.distractor-tools 50
  --synthesis.classes GorillaFileSystem)

for part in "${parts[@]}"; do
  case "$part" in
    openenv)
      python=$(venv openenv "$interop/requirements.txt") || skip "pip could not install the OpenEnv client"
      serve --max-sessions 8 "${small[@]}" && check "OpenEnv client against parl-mt env serve" \
        "$python" check_openenv.py "$address" --call mkdir '{"dir_name":"interop"}' --probe ls '{}' \
        --final respond '{"message":"Done."}' --sessions 8
      stop_server
      ;;
    mcp)
      python=$(venv mcp "$interop/requirements-mcp.txt") || skip "pip could not install the MCP client"
      calls=(--call pwd '{}' --call start_episode '{"seed":3}' --call ls '{}' --failing cat '{"file_name":"nope.txt"}'
        --slow du '{"human_readable":true}')
      slow=(--delay.functions du --delay.ms 8000)
      serve --protocol mcp "${small[@]}" "${slow[@]}" && check "MCP client against parl-mt env serve, streamable HTTP" \
        "$python" check_mcp_server.py "$address" "${calls[@]}"
      stop_server
      check "MCP client against parl-mt env serve, stdio" "$python" check_mcp_server.py "${calls[@]}" -- \
        "${parl[@]}" env serve --protocol mcp --transport stdio "${small[@]}" "${slow[@]}"
      check "MCP client, through our server, to a foreign server" "$python" check_mcp_server.py \
        --call echo '{"value":"hi"}' --call count '{}' --failing explode '{}' --slow hang '{"seconds":8}' -- \
        "${parl[@]}" env serve --protocol mcp --transport stdio --benchmark mcp \
        --mcp.transport stdio --mcp.command "$python" --mcp.args "$interop/mcp_server.py"
      ;;
    episodes)
      python=$(venv mcp "$interop/requirements-mcp.txt") || skip "pip could not install the MCP server"
      play=(node "$root/tools/interop/dist/episode-command.js")
      check "an episode over a server that throws, hangs and floods" \
        "${play[@]}" "$root/tools/interop/episodes/awkward.json" PYTHON="$python" SERVER="$interop/mcp_server.py"
      version=2026.8.31
      files="$cache/server-filesystem-$version"
      [ -d "$files" ] || npm install --silent --no-audit --no-fund --prefix "$files" \
        "@modelcontextprotocol/server-filesystem@$version" >/dev/null || skip "npm could not install the filesystem server"
      check "an episode over the filesystem reference server" \
        "${play[@]}" "$root/tools/interop/episodes/filesystem.json" \
        SERVER="$files/node_modules/@modelcontextprotocol/server-filesystem/dist/index.js" \
        WORKSPACE="$root/tools/interop/episodes/filesystem-workspace"
      ;;
    *)
      echo "expected openenv, mcp or episodes, received $part"
      exit 2
      ;;
  esac
done
[ "$failed" = 0 ] && echo "interop: all checks passed" || echo "interop: FAILED"
exit "$failed"
