#!/bin/bash
# Stands for `emqx ctl` in a pod: writes down what it was asked, and answers with lines as EMQX 5.8.9 has them.
words=()
for word in "$@"; do
  [[ $word == *" "* ]] && word="\"$word\""
  words+=("$word")
done
echo "${words[*]}" >> "$RUNBOOK_ASKED"
case "$2 $3" in
"rules list")
  echo "Rule{id=audit, name=, enabled=true, descr=audit}"
  echo "Rule{id=incumbent_in, name=, enabled=true, descr=from the incumbent}"
  echo "Rule{id=incumbent_out, name=, enabled=true, descr=to the incumbent}"
  ;;
"clients list")
  echo "Client(one.devices.field.example, username=one, mqueue_len=3, connected=true)"
  echo "Client(two.devices.field.example, username=two, mqueue_len=0, connected=false)"
  ;;
"clients show") echo "Not Found." ;;
"broker stats")
  echo "connections.count             : 2"
  echo "retained.count                : 3"
  ;;
"broker metrics")
  echo "client.connect                : 2"
  echo "authorization.allow           : 3"
  ;;
esac
