#!/bin/bash
# Stands before each program that a runbook calls: runs the real one, and writes down what did not work, for a pipe hides
# how a program ended.
#
# No pod of the lab has a container. What is asked of one is asked of Kubernetes all the same, which looks for the pod and
# the container, and ends where it would call the kubelet. Then the command runs here, where `emqx` is a stand-in.
program=$(basename "$0")
arguments=("$@")
asked="$program $*"
PATH=$RUNBOOK_PATH
out=$(mktemp -p "$RUNBOOK_FOLDER")
errors=$(mktemp -p "$RUNBOOK_FOLDER")

failed() { { echo "$1: $asked"; cat "$errors"; } >> "$RUNBOOK_FAILURES"; }

# Ends with the code of what was run; 141 is a program whose reader had enough.
conclude() {
  [ "$1" = 0 ] || [ "$1" = 141 ] || failed "ended with $1"
  exit "$1"
}

run() {
  "$program" "$@" 2>"$errors"
  local code=$?
  cat "$errors" >&2
  return $code
}

# Runs a command once for all pages that have it: nothing changes its answer meanwhile.
run_once() {
  local kept
  kept=$RUNBOOK_MEMORY/$(cksum <<<"$asked" | tr ' ' -)
  if [ ! -e "$kept" ]; then
    "$program" "$@" > "$kept.new" 2>&1 || { cat "$kept.new" | tee "$errors"; return 1; }
    mv "$kept.new" "$kept"
  fi
  cat "$kept"
}

# Asks Kubernetes for what only a kubelet answers; right is the end at the kubelet's own address.
reaches_kubelet() {
  kubectl "${arguments[@]}" </dev/null >"$out" 2>"$errors"
  grep -qE ':10250/(exec|containerLogs)/' "$errors" || { failed "is not asked of any container"; cat "$errors" >&2; exit 1; }
}

in_pod() {
  local words=() word
  for word in "$@"; do
    word=${word//\/opt\/emqx\/data/$RUNBOOK_POD/data}
    # A node's Erlang port, by the node's name: here some port that is open.
    [[ $word =~ ^(.*/dev/tcp/)broker-core-[a-z0-9-]+\.broker-headless/(4370|5369)$ ]] && word=${BASH_REMATCH[1]}127.0.0.1/$RUNBOOK_OPEN_PORT
    words+=("$word")
  done
  PATH=$RUNBOOK_POD:/usr/bin:/bin "${words[@]}"
  conclude $?
}

case $program in
kubectl)
  export KUBECONFIG=$RUNBOOK_KUBECONFIG
  place=()
  [ "$1" = --namespace ] && { place=(--namespace "$2"); shift 2; }
  if [[ " $* " == *" --help "* ]]; then
    run "${arguments[@]}"
    conclude $?
  fi
  case $1 in
  exec)
    reaches_kubelet
    while [ "$1" != -- ]; do shift; done
    shift
    in_pod "$@"
    ;;
  logs | cp)
    reaches_kubelet
    exit 0
    ;;
  top)
    # No meter runs either: the words are understood, and there are pods of these labels.
    kubectl "${arguments[@]}" >"$out" 2>"$errors"
    grep -q 'Metrics API not available' "$errors" || failed "is not understood"
    [ -n "$(kubectl "${place[@]}" get pods "$3" "$4" --output name)" ] || failed "finds no pod"
    exit 0
    ;;
  port-forward)
    case $2 in
    service/*) kubectl "${place[@]}" get "$2" --output 'jsonpath={.spec.ports[*].port}' ;;
    # A pod has whatever port its program listens at.
    *) kubectl "${place[@]}" get "$2" --output name >/dev/null && echo "$3" ;;
    esac >"$out" 2>"$errors"
    grep -qw "$3" "$out" || { failed "has no port $3, but $(cat "$out")"; exit 1; }
    # `curl` finds the way by itself, below.
    echo "$$ $asked" >> "$RUNBOOK_FORWARDS"
    exec sleep 60 </dev/null >/dev/null 2>&1
    ;;
  *)
    case " $* " in
    *" --watch "*)
      timeout 2 kubectl "${arguments[@]}" 2>"$errors"
      code=$?
      conclude $((code == 124 ? 0 : code))
      ;;
    esac
    run "${arguments[@]}"
    code=$?
    if grep -q '^No resources found' "$errors" && ! [[ "$*" =~ $RUNBOOK_MAY_BE_EMPTY ]]; then failed "finds nothing"; fi
    conclude $code
    ;;
  esac
  ;;
vault)
  export VAULT_TOKEN=$RUNBOOK_VAULT_TOKEN
  run "$@"
  conclude $?
  ;;
sitectl | pulumi)
  [[ " $* " == *" --bootstrap "* ]] && export VAULT_TOKEN=$RUNBOOK_VAULT_TOKEN
  run_once "$@"
  conclude $?
  ;;
curl)
  export CURL_CA_BUNDLE=$IOT_BROKER_CA_FILE
  run --connect-to "localhost:8181:${OPA_URL#https://}" --connect-to "$RUNBOOK_DASHBOARD" "$@"
  conclude $?
  ;;
openssl)
  words=()
  for word in "$@"; do
    case $word in
    mqtt.*:8883) words+=("127.0.0.1:$RUNBOOK_OPEN_PORT" -servername "${word%:*}") ;;
    *) words+=("$word") ;;
    esac
  done
  run "${words[@]}" >"$out"
  code=$?
  cat "$out"
  # Without a certificate of its own it is shown the server's all the same, which is what it came for.
  [ "$1" = s_client ] && [[ " $* " != *" -cert "* ]] && grep -q 'BEGIN CERTIFICATE' "$out" && exit 0
  conclude $code
  ;;
kafka-console-consumer.sh)
  words=()
  for word in "$@"; do
    case $word in
    *.kafka.svc*:9093) words+=("$KAFKA_BOOTSTRAP") ;;
    *) words+=("$word") ;;
    esac
  done
  "$RUNBOOK_JAVA" -XX:+UseSerialGC -XX:TieredStopAtLevel=1 -cp "$RUNBOOK_KAFKA/*" \
    org.apache.kafka.tools.consumer.ConsoleConsumer "${words[@]}" 2>"$errors"
  conclude $?
  ;;
cmctl)
  # cert-manager's own program, which no registry carries: it asks for a certificate that is there.
  [ "$1" = renew ] && [ "$3" = --namespace ] && [ $# = 4 ] || failed "is not understood"
  KUBECONFIG=$RUNBOOK_KUBECONFIG kubectl --namespace "$4" get certificate "$2" >"$out" 2>"$errors"
  conclude $?
  ;;
grep)
  # Kubernetes' logs are empty here; what has lines and no match looks for the wrong words.
  lines=$(cat)
  [ -z "$lines" ] && exit 1
  grep "$@" <<<"$lines" 2>"$errors"
  code=$?
  if [ $code -gt 1 ]; then failed "ended with $code"; fi
  if [ $code = 1 ] && ! [[ "$*" =~ $RUNBOOK_MAY_FIND_NOTHING ]]; then failed "finds nothing"; fi
  exit $code
  ;;
*)
  run "$@"
  conclude $?
  ;;
esac
