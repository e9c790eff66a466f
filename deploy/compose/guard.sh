#!/bin/sh
# Run by compose before anything else: no server starts with a secret that is missing, too short or that of an example file.
# GUARDED names the variables to look at.
faults=0
for name in ${GUARDED:?}; do
  eval "value=\${$name:-}"
  case $(printf '%s' "$value" | tr '[:upper:]' '[:lower:]') in
    *change-me* | *changeme* | *example* | *secret-key*) fault='an example value' ;;
    ????????????*) continue ;;
    *) fault='missing or shorter than 12 characters' ;;
  esac
  echo "$name: $fault; make init writes one into deploy/compose/.env" >&2
  faults=$((faults + 1))
done
[ "$faults" -eq 0 ] || exit 1
echo 'guard: no example secret'
