"""A Job is ready when it is complete; a failed one is not waited for any longer."""

from typing import Any

from lab.plugins.kubernetes.readiness import JOB, _hopeless, missing


def job(**status: Any) -> dict[str, Any]:
    return {"kind": "Job", "metadata": {"name": "probe"}, "spec": {}, "status": status}


def test_a_complete_job_is_ready() -> None:
    found = job(conditions=[{"type": "Complete", "status": "True"}])
    assert missing(JOB, found, {}) == []
    assert not _hopeless(found)


def test_a_running_job_is_waited_for() -> None:
    found = job(active=1)
    assert missing(JOB, found, {}) == ["the Job is not complete: 1 pods run"]
    assert not _hopeless(found)


def test_a_failed_job_is_hopeless_and_says_why() -> None:
    words = "Container probe for pod iot/probe-1 failed with exit code 1"
    found = job(
        conditions=[{"type": "Failed", "status": "True", "reason": "PodFailurePolicy", "message": words}]
    )
    assert missing(JOB, found, {}) == [f"the Job has failed: PodFailurePolicy: {words}"]
    assert _hopeless(found)
