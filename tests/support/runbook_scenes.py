"""What each runbook's situation has that the sample site in the lab has not, and which commands other tests run."""

from tests.support.runbooks import Elsewhere, Scene

HEAD = """\
SITE=eagle-ford
k() { kubectl --namespace "iot-$SITE" "$@"; }
MOUNT=pki-$SITE-issuing
DOMAIN=$(k get certificate broker-tls --output jsonpath='{.spec.commonName}' | sed 's/^mqtt\\.//')
POD=$(k get pods --selector apps.emqx.io/instance=broker --output jsonpath='{.items[0].metadata.name}')
SET=$(k get statefulset --selector apps.emqx.io/instance=broker --output jsonpath='{.items[0].metadata.name}')
all_ready() { k wait --for=condition=Ready pod --selector apps.emqx.io/instance=broker --timeout=2m >/dev/null; }
issue() {
  vault write -format=json "$MOUNT/issue/$1" common_name="$2" ttl=1h > issued.json
  jq -r '.data.certificate, .data.ca_chain[]' issued.json > "$3.pem"
  jq -r .data.private_key issued.json > "$3.key"
  rm issued.json
}
secret_of() {
  issue server "$(k get certificate "$1" --output jsonpath='{.spec.dnsNames[0]}')" "$1"
  k create secret tls "$1" --cert "$1.pem" --key "$1.key" --dry-run=client --output yaml | k apply --filename -
}
"""
"""What scenes use; a page has its own."""

# No controller of cert-manager's and no Strimzi makes pods, requests and Secrets in the lab; the site has no workers,
# and no program for its bridge.
SITE_IN_SERVICE = Scene(
    before="""\
openssl req -new -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -subj "/CN=test.devices.$DOMAIN" \\
  -keyout device.key -out device.csr 2>/dev/null
issue device "test.devices.$DOMAIN" device
secret_of opa-tls
k apply --filename - <<END
{apiVersion: cert-manager.io/v1, kind: CertificateRequest, metadata: {name: opa-tls-1},
 spec: {request: $(base64 --wrap=0 device.csr), issuerRef: {name: site-issuer}}}
END
# Of sets, so that a machine can be drained on which they are.
pod_of() {
  k get pod "$POD" --output json | jq --arg name "$1" --arg cluster "$2" --arg kind "$3" '
    {"strimzi.io/cluster": $cluster, "strimzi.io/kind": $kind} as $labels
    | {apiVersion: "apps/v1", kind: "StatefulSet", metadata: {$name}, spec: {replicas: 1, serviceName: $name,
      selector: {matchLabels: $labels}, template: {metadata: {$labels}, spec: {securityContext: .spec.securityContext,
        containers: [{name: "worker", image: "worker", securityContext: .spec.containers[0].securityContext}]}}}}' |
    k apply --filename -
}
pod_of kafka-bridge kafka KafkaBridge
pod_of sinks-connect sinks KafkaConnect
workers_of() {
  k get pod "$POD" --output json | jq --arg name "$1" '
    {"app.kubernetes.io/name": "kafka-worker", "app.kubernetes.io/component": $name} as $labels
    | {apiVersion: "apps/v1", kind: "StatefulSet", metadata: {$name}, spec: {replicas: 1, serviceName: $name,
      selector: {matchLabels: $labels}, template: {metadata: {$labels}, spec: {securityContext: .spec.securityContext,
        containers: [{name: "worker", image: "worker", securityContext: .spec.containers[0].securityContext}]}}}}' |
    k apply --filename -
}
workers_of kafka-worker
workers_of ot-worker
for name in kafka-worker-tls kafka-worker-kafka ot-worker-kafka kafka-worker-0-identity; do
  k create secret generic "$name" --from-literal=key=a
done
k get certificate opa-tls --output json | jq '"kafka-worker-0-identity" as $name
  | {apiVersion, kind, metadata: {$name}, spec: (.spec | .secretName = $name)}' | k apply --filename -
k get deployment opa --output json | jq '"incumbent-bridge" as $name | {"app.kubernetes.io/name": $name} as $labels
  | {apiVersion, kind, metadata: {$name}, spec: {replicas: 1, selector: {matchLabels: $labels}, template: {
    metadata: {$labels}, spec: (.spec.template.spec | del(.volumes) | del(.containers[].volumeMounts))}}}' |
  k apply --filename -
k create secret generic incumbent-bridge --from-literal=key=a
k create secret generic incumbent-bridge-identity --from-literal=key=a
k create secret generic incumbent-bridge-tls --from-literal=key=a
k get networkpolicy opa --output json | jq '{apiVersion, kind, metadata: {name: "incumbent-bridge"},
  spec: (.spec | .podSelector = {matchLabels: {"app.kubernetes.io/name": "incumbent-bridge"}})}' | k apply --filename -
k rollout status deployment/incumbent-bridge --timeout=1m
k rollout status statefulset/kafka-bridge --timeout=1m
k rollout status statefulset/sinks-connect --timeout=1m
k rollout status statefulset/kafka-worker --timeout=1m
k rollout status statefulset/ot-worker --timeout=1m
""",
    after="""\
k delete --ignore-not-found secret/opa-tls secret/broker-tls
k delete certificaterequest/opa-tls-1 statefulset/kafka-bridge statefulset/sinks-connect
k delete statefulset/kafka-worker statefulset/ot-worker certificate/kafka-worker-0-identity
k delete secret kafka-worker-tls kafka-worker-kafka ot-worker-kafka kafka-worker-0-identity
k delete deployment/incumbent-bridge networkpolicy/incumbent-bridge
k delete secret incumbent-bridge incumbent-bridge-identity incumbent-bridge-tls
all_ready
""",
)

# Without the operator: its Secret of keys, which is there again soon after it was deleted.
BOOTSTRAP_KEYS = "k create secret generic broker-bootstrap-api-key --from-literal=bootstrap_api_key=a:b"
METRICS_KEY = """\
k create secret generic broker-metrics-key --from-literal=key=of-an-earlier-kit
vault kv put -mount=iot "$SITE/broker-metrics-key" key=a secret=b secret-with-role=b:viewer >/dev/null
k get externalsecret broker-kafka --output json | jq '{apiVersion, kind, metadata: {name: "broker-metrics-key"},
  spec: (.spec | .target.name = "broker-metrics-key"
    | .data = [("key", "secret", "secret-with-role")
      | {secretKey: ., remoteRef: {key: "iot/eagle-ford/broker-metrics-key", property: .}}])
}' | k apply --filename -
"""

SCENES = {
    "BridgeWorkerHearsNothing": Scene(after="k rollout status deployment/incumbent-bridge --timeout=2m"),
    "BridgeWorkerRefused": Scene(after="k rollout status deployment/opa --timeout=2m"),
    "BrokerAvailabilityBurnsFast": Scene(
        before="k create secret generic broker-metrics-key --from-literal=key=a",
        after="k delete secret broker-metrics-key",
        prints=("Verify return code: 0 (ok)",),
    ),
    "BrokerClusterSplit": Scene(values={"NAME_FROM_THE_LIST_ABOVE": '"$(nodes | head -1 | cut -d/ -f2)"'}),
    "BrokerConfigurationDrifts": Scene(values={"NAME_FROM_THE_LIST_ABOVE": "emqx@broker-core-0"}),
    "BrokerDropsMessages": Scene(values={"CLIENT": "pump-1.devices.eagle-ford.field.example"}),
    "BrokerHandshakesFail": Scene(
        values={"MOUNT": "pki-eagle-ford-issuing"}, prints=("Verify return code: 0 (ok)",)
    ),
    "BrokerNodeLost": Scene(
        # A node whose machine is gone.
        before="""\
k get pod "$POD" --output json | jq '{apiVersion, kind,
  metadata: {name: "broker-core-lost-0", labels: {"apps.emqx.io/instance": "broker"}},
  spec: (.spec | del(.nodeName) | .nodeSelector = {gone: "yes"}
    | .volumes = [{name: "data", persistentVolumeClaim: {claimName: "broker-core-data-broker-core-lost-0"}}]
    | .containers = [{name: "emqx", image: "emqx", securityContext: .containers[0].securityContext}])}' |
  k apply --filename -
k get persistentvolumeclaim "broker-core-data-$POD" --output json | jq '{apiVersion, kind,
  metadata: {name: "broker-core-data-broker-core-lost-0"}, spec: (.spec | del(.volumeName))}' | k apply --filename -
""",
        after="all_ready",
        prints=("broker-core-lost-0 keeps its data on broker-core-data-broker-core-lost-0",),
    ),
    "BrokerRefusesClients": Scene(
        values={"KEYCLOAK": '"${KEYCLOAK_URL#https://}"'},
        prints=("/protocol/openid-connect/certs", "device.pem: OK"),
    ),
    "BrokerReplicationLags": Scene(
        before="""\
k get pod "$POD" --output json | jq '{"apps.emqx.io/instance": "broker", "apps.emqx.io/db-role": "replicant"} as $labels
  | {apiVersion: "apps/v1", kind: "ReplicaSet", metadata: {name: "broker-replicant-one"},
    spec: {replicas: 1, selector: {matchLabels: $labels}, template: {metadata: {$labels}, spec: {
      securityContext: .spec.securityContext,
      containers: [{name: "emqx", image: "emqx", securityContext: .spec.containers[0].securityContext}]}}}}' |
  k apply --filename -
k wait --for=jsonpath='{.status.readyReplicas}'=1 replicaset/broker-replicant-one --timeout=1m
""",
        after="k delete replicaset broker-replicant-one; all_ready",
        values={"NAME_FROM_THE_ALERT": '"$(nodes | grep replicant | cut -d/ -f2)"'},
    ),
    "PolicyDenialsSpike": Scene(prints=('"permits"', '"objections"')),
    "PolicyServerDown": Scene(
        # So that there is something to take back.
        before="k rollout restart deployment/opa; k rollout status deployment/opa --timeout=2m",
        after="k rollout status deployment/opa --timeout=2m",
        prints=('{"result":"deny"}',),
    ),
    "DeadLettersGrow": Scene(prints=("reason:not_json",)),
    "README": Scene(values={"DOMAIN": "eagle-ford.field.example"}),
    "ServerCertificateNotRenewed": Scene(
        values={"NAME": "--selector app.kubernetes.io/name=opa"},
        after="k rollout status deployment/opa --timeout=2m",
    ),
    "SinkRefusesRecords": Scene(prints=("the value is not JSON",)),
    # Strimzi takes the word away once it has restarted the connector.
    "SinkTaskFailed": Scene(after="k annotate kafkaconnector historian-raw strimzi.io/restart-"),
    "WorkerNotSubscribed": Scene(after="k rollout status deployment/opa --timeout=2m"),
    "authority-rotation": Scene(before="secret_of broker-tls"),
    "broker-version": Scene(
        before="""\
k create secret generic broker-node-cookie --from-literal=node_cookie=file:///mounted/cookie/cookie
k create secret generic broker-cookie --from-literal=cookie=a-cookie
""",
        after="k delete secret broker-node-cookie broker-cookie",
        prints=("v2beta1", "file://"),
    ),
    "dashboard-administrators": Scene(values={"NAME_IN_THE_REALM": "engineer-1"}, prints=("401",)),
    "data-move": Scene(
        # A set that the operator left behind, and its claim.
        before="""\
k get statefulset "$SET" --output json | jq '{apiVersion, kind, metadata: {name: "broker-core-former"}, spec: (.spec
  | .replicas = 0 | del(.template.metadata.labels) | .selector.matchLabels = {of: "former"}
  | .template.metadata.labels = {of: "former", "apps.emqx.io/db-role": "core"})}' | k apply --filename -
k get persistentvolumeclaim "broker-core-data-$POD" --output json | jq '{apiVersion, kind,
  metadata: {name: "broker-core-data-broker-core-former-0"}, spec: (.spec | del(.volumeName))}' | k apply --filename -
""",
        after="""\
k delete statefulset broker-core-former; k delete persistentvolumeclaim broker-core-data-broker-core-former-0
all_ready
""",
        values={
            "NAME_FROM_THE_LIST": "broker-core-former",
        },
    ),
    "metrics-key": Scene(
        before=f"""\
{METRICS_KEY}
{BOOTSTRAP_KEYS}
(k wait --for=delete secret/broker-bootstrap-api-key --timeout=2m; {BOOTSTRAP_KEYS}) >/dev/null 2>&1 &
""",
        after="""\
k delete externalsecret/broker-metrics-key
k delete --ignore-not-found secret broker-metrics-key broker-bootstrap-api-key
vault kv metadata delete -mount=iot "$SITE/broker-metrics-key" >/dev/null
""",
    ),
    "node-drain": Scene(
        values={
            "NAME_OF_THE_KUBERNETES_NODE": "$(k get pods --selector apps.emqx.io/instance=broker"
            " --output jsonpath='{.items[0].spec.nodeName}')"
        },
        after="all_ready",
    ),
    "stolen-device": Scene(
        before='issue device "pump-7.devices.$DOMAIN" stolen',
        prints=("Serial Number: ", "Next Update", "Not Found"),
    ),
}

ELSEWHERE = (
    Elsewhere(
        r"pulumi up(?: --stack \"?\$SITE\"?)?|pulumi up --stack \"?\$SITE\"? --cwd bootstrap",
        "changes the site, or nothing at a site that is well: every lab test has it deployed so",
        "tests/support/shell.py",
        'self.pulumi("up", "--yes", "--skip-preview", "--stack", site',
    ),
    Elsewhere(
        r"pulumi up --refresh (?:--stack|-s) \$SITE",
        "reads 177 resources anew for 25 s: what was turned by hand is put right so, object by object",
        "tests/lab/test_5_hand_edits.py",
        'deployed.pulumi("up", "--refresh", "--yes", "--skip-preview", "--stack", site.name)',
    ),
    Elsewhere(
        r"pulumi preview (?:--refresh --diff --stack \$SITE|--stack \"\$SITE\" --refresh)",
        "reads 177 resources anew for 25 s: drift is looked for so by the identity that reviews",
        "tests/lab/test_5_rights_identity.py",
        'deployed.run(*preview, "--refresh"',
    ),
    Elsewhere(
        r"sitectl recover \"\$SITE\"",
        "has nothing to do at a site that is well, and looks at all of it for 15 s; of the bootstrap it is run here",
        "tests/lab/test_7_interrupted.py",
        'self.shell.run("sitectl", "recover", self.site.name, "--yes"',
    ),
    Elsewhere(
        r"vault login -method=oidc",
        "opens a person's browser: people of the lab sign in to Vault with a password",
        "lab/servers/vault_people.py",
        '{"type": "userpass"}',
    ),
    Elsewhere(
        r"eval \"\$\(\.venv/bin/sitectl lab env\)\"",
        "is where this shell's own variables come from",
        "tests/conftest.py",
        "estate.environment()",
    ),
    Elsewhere(
        r"pulumi refresh --clear-pending-creates",
        "is what the page warns of",
        "runbooks/interrupted-deployment.md",
        "`pulumi refresh --clear-pending-creates` makes it worse",
    ),
)
