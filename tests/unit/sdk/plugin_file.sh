#!/bin/sh
# plugin_file.sh FILE ID: exactly one exported symbol; the ABI note and the manifest, before and after strip.
set -eu
file=$1
id=$2
exported=$(nm -D --defined-only "$file" | awk '{print $3}')
[ "$exported" = tasker_plugin_entry_v0 ] || { echo "$file exports: $exported"; exit 1; }

copy=$(mktemp)
trap 'rm -f "$copy"' EXIT
check_notes() {
    notes=$(readelf -nW "$1")
    [ "$(printf '%s\n' "$notes" | grep -c '^ *TASKER ')" = 2 ] || { echo "$2: not two notes"; exit 1; }
    # The loader reads segments, not sections, which strip may drop.
    readelf -lW "$1" | grep -q '^ *NOTE ' || { echo "$2: no PT_NOTE"; exit 1; }
    grep -aq "{\"id\":\"$id\",\"version\":\"1.0.0\",\"sdk\":\"" "$1" || { echo "$2: no manifest"; exit 1; }
}
check_notes "$file" "$file"
cp "$file" "$copy"
strip "$copy"
check_notes "$copy" "$file, stripped"
