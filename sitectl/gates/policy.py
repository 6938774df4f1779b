"""Does the policy find nothing wrong with what the site gets?"""

from model.promotion.reports import PolicyReport
from sitectl.gates import Context, Outcome
from sitectl.gates.reported import reported, source_of

THRESHOLD = "nothing denied"


def measure(context: Context) -> Outcome:
    """Count what the signed policy report denies; what it only warns of is said, and does not stop a promotion."""
    report = reported(context, "policy", PolicyReport, THRESHOLD)
    if isinstance(report, Outcome):
        return report
    denied = [violation for violation in report.violations if violation.severity == "deny"]
    warned = len(report.violations) - len(denied)
    passed = not denied and report.rules > 0 and report.resources > 0
    reason = "; ".join(
        f"{violation.rule}: {violation.resource}: {violation.message}" for violation in denied[:5]
    )
    if len(denied) > 5:
        reason += f"; and {len(denied) - 5} more"
    if not denied and not passed:
        reason = "the report judged nothing: no rule, or no resource"
    return Outcome(
        gate="policy",
        passed=passed,
        figure=f"{len(denied)} denied, {warned} warned of, {report.rules} rules on {report.resources} resources",
        threshold=THRESHOLD,
        source=f"{source_of(context, 'policy')} by {report.made_by}, commit {report.commit[:12]}",
        window=f"at {report.made_at}",
        reason=reason,
    )
