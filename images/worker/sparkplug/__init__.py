"""Sparkplug B for the worker: payloads to JSON text, with names and datatypes from births that outlive a worker.

decoder = Decoder(largest=1_049_600, host_id="kit")
follower = Follower(consumer, "eagle-ford.births", decoder.births); follower.read(60); follower.follow()
match decoder.decode(topic.split("/"), payload, again=packet_has_dup):
    case Decoded(json, births, rebirth): ...
    case Unreadable(reason, births, rebirth): ...
decoder.counts()
"""

from images.worker.sparkplug.decoder import Decoder
from images.worker.sparkplug.kept import Follower, NotRead
from images.worker.sparkplug.results import Counts, Decoded, KeptBirth, Rebirth, Unreadable

__all__ = ["Counts", "Decoded", "Decoder", "Follower", "KeptBirth", "NotRead", "Rebirth", "Unreadable"]
