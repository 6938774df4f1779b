"""How long a Job of a rollout may take: it says what is missing, then ends, and all before Pulumi stops waiting."""

from dataclasses import dataclass

from model.units import Duration

_START_SECONDS = 120
_ENDING_SECONDS = 5


@dataclass(frozen=True)
class Deadline:
    """The times of one Job, each within the next; `within` is all that the site's data gives it."""

    within: Duration

    @property
    def job(self) -> int:
        """Seconds after which Kubernetes ends the Job, also one whose pod found no node or no image."""
        return self.within.seconds - _ENDING_SECONDS

    @property
    def program(self) -> int:
        """Seconds that the program itself may ask: before it begins, the image is fetched and volumes are mounted."""
        return self.job - min(_START_SECONDS, self.job // 2)
