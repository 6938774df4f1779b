"""What `emqx ctl` understands, of the commands that runbooks use: no EMQX runs here to ask.

Read in EMQX's own source, November 2026: `emqx_mgmt_cli.erl`, `emqx_conf_cli.erl`, `emqx_rule_engine_cli.erl`,
`emqx_dashboard_cli.erl` and `emqx_node_rebalance_cli.erl` (each `usage` and the clauses before it).
"""

import re

ONE = r"\S+"
COMMANDS = (
    r"broker(?: stats| metrics)?",
    r"cluster status(?: --json)?",
    rf"cluster force-leave {ONE}",
    r"clients list",
    rf"clients (?:show|kick) {ONE}",
    r"conf show_keys",
    rf"conf show(?: {ONE})?",
    r"conf cluster_sync status",
    rf"conf cluster_sync skip(?: {ONE})?",
    rf"conf cluster_sync inspect {ONE}",
    r"data export",
    rf"data import {ONE}",
    r"listeners",
    r"log handlers list",
    rf"rules (?:list|show {ONE})",
    r"vm(?: all| load| memory| process| io| ports)?",
    # Roles are the enterprise edition's.
    rf"admins add {ONE} {ONE}(?: (?:\"[^\"]*\"|{ONE}))?(?: (?:administrator|viewer))?",
    rf"admins (?:del|passwd) {ONE}.*",
    # The enterprise edition's.
    r"rebalance start --evacuation"
    r"(?: --(?:wait-health-check|conn-evict-rate|sess-evict-rate|wait-takeover) \d+| --redirect-to \S+)*",
    r"rebalance (?:status|stop|node-status)",
)


def is_understood(command: str) -> bool:
    """Say whether `emqx ctl` has a command of these words."""
    return any(re.fullmatch(pattern, command) for pattern in COMMANDS)
