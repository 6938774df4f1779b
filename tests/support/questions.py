"""What EMQX asks the policy server about a client: the body of the site's own configuration, filled in."""

import json
import subprocess
import tempfile
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

from components import names
from components.emqx_configuration import document
from components.opa_policies import policy_files, site_data
from components.recording import OFFLINE
from model import Site
from tests.support.tools import tool

ABSENT = "undefined"
"""What EMQX has for the common name of a client without a certificate."""


def question(
    site: Site,
    name: str,
    action: str,
    topic: str,
    *,
    holder: str | None = None,
    verified: bool = True,
    client_id: str | None = None,
) -> dict[str, str]:
    """Return the question about a client with a certificate, or, where it has a `holder`, with a token.

    Before EMQX can verify tokens (`verified` is false) it has no attributes of a client.
    """
    vouched = holder is not None and verified
    values = {
        "username": name,
        "clientid": client_id or (name if holder is None else f"{name}/1"),
        "topic": topic.format(site=site.name, name=name),
        "action": action,
        "qos": "1",
        "retain": "false",
        "peerhost": "192.0.2.7",
        "cert_common_name": name if holder is None else ABSENT,
        f"{names.CLIENT_ATTRIBUTES}.{names.REALM_ATTRIBUTE}": site.name if vouched else "",
        f"{names.CLIENT_ATTRIBUTES}.{names.HOLDER_ATTRIBUTE}": (holder or "") if vouched else "",
    }
    configuration: Any = document(site, OFFLINE)
    (source,) = configuration["authorization"]["sources"]
    asked = {}
    for field, template in source["body"].items():
        text = template
        for placeholder, value in values.items():
            text = text.replace(f"${{{placeholder}}}", value)
        assert "${" not in text, f"{field}: {template} is not what EMQX fills in"
        asked[field] = text
    return asked


def decisions(site: Site, questions: Iterable[Any], policies: Mapping[str, str] | None = None) -> list[bool]:
    """Return what the policy as the site deploys it (or `policies`) allows, in the order asked: one run of OPA."""
    asked = list(questions)
    query = "[answer.result | some asked in input; answer := data.iot.mqtt.decision with input as asked]"
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        for file, text in {**(policies or policy_files()), "site.json": site_data(site)}.items():
            (folder / file).write_text(text, encoding="utf-8")
        line = (tool("opa") / "opa", "eval", "--stdin-input", "--format", "raw", "--data", folder, query)
        done = subprocess.run(line, input=json.dumps(asked), capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr or done.stdout
    answers = json.loads(done.stdout)
    assert len(answers) == len(asked)
    return [answer == "allow" for answer in answers]


def allowed(site: Site, asked: Mapping[str, Any]) -> bool:
    """Return whether the policy as the site deploys it allows what one question asks for."""
    (answer,) = decisions(site, [dict(asked)])
    return answer
