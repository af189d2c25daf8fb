#!/bin/sh
# compile_fail.sh FILE COMPILER FLAGS...: passes when FILE does not compile and the compiler says the text after
# "// expect: ", and when FILE with -DFIXED does compile, so that nothing else is wrong with it.
file=$1
shift
expected=$(sed -n 's|^// expect: ||p' "$file")
[ -n "$expected" ] || { echo "$file: no '// expect: ' line"; exit 1; }
if said=$(LC_ALL=C "$@" -fsyntax-only "$file" 2>&1); then
    echo "$file compiles and must not"
    exit 1
fi
printf '%s\n' "$said" | tr '\n' ' ' | grep -qF -e "$expected" || {
    echo "$file: the compiler does not say: $expected"
    printf '%s\n' "$said" | head -20
    exit 1
}
"$@" -fsyntax-only -DFIXED "$file"
