"""What `sitectl`, the pipelines and the model say to users is plain: no words of old, no sentence without an end."""

import re

from tests.support.messages import Message, messages

FOLDERS = ("sitectl", "model", "pipelines")
# Roles have names, and things have one name each (docs/texts.md): these say neither.
NOT_USED = re.compile(
    r"\b(nobody|somebody|whoever|anybody|everybody|told|goes on|go on|lanes?|estates?|doors?|strange)\b",
    re.IGNORECASE,
)
MOST_WORDS = 24


def spoken(message: Message) -> bool:
    """Whether a text is for people: it has several words, or is one of the words that are not used."""
    return " " in message.text or NOT_USED.fullmatch(message.text) is not None


def said() -> list[Message]:
    # The name of a class, as annotations have it, is said to no user.
    return [message for message in messages(*FOLDERS) if spoken(message) and message.text != "Estate"]


def test_there_are_messages() -> None:
    found = {message.text for message in said()}
    assert len(found) > 1000
    assert "Check the site files: every error at once." in found


def test_messages_use_plain_words() -> None:
    assert [message for message in said() if NOT_USED.search(message.text)] == []


def test_sentences_are_short() -> None:
    long = [
        (message.place, sentence)
        for message in said()
        for sentence in re.split(r"[.?!](?=\s|$)|\n|;", message.text)
        if len(re.findall(r"[^\s]*[\w…][^\s]*", sentence)) > MOST_WORDS
    ]
    assert long == []


def test_the_list_finds_what_it_is_for() -> None:
    assert NOT_USED.search("Nobody is here to ask")
    assert not NOT_USED.search("outdoors, an installed lantern, indoor")
