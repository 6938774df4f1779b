"""What a plan counts as taking something away."""

from pipelines.stack import Plan, Step


def step(operation: str, kind: str) -> Step:
    return Step(operation, f"site-{kind.lower()}", f"kubernetes:{kind}", ())


def test_what_is_deleted_or_made_anew_is_destructive() -> None:
    topic, gone = step("replace", "kafka.strimzi.io/v1:KafkaTopic"), step("delete", "core/v1:ConfigMap")
    plan = Plan("sha256:…", (topic, step("update", "core/v1:ConfigMap"), gone))
    assert plan.destructive == (topic, gone)


def test_a_job_that_is_over_is_not() -> None:
    assert Plan("sha256:…", (step("replace", "batch/v1:Job"),)).destructive == ()
