"""What holds for a whole process is said once: to the first who listens, and to one only."""

from __future__ import annotations

import pytest

from chainrule.apps.cli.main import main
from chainrule.events import Bulletin, Channel, Event, Notice, bulletin


def ear() -> tuple[list[Event], Channel]:
    heard: list[Event] = []
    return heard, Channel([heard.append])


def test_what_is_said_while_nobody_listens_waits_for_the_first_who_does() -> None:
    said = Bulletin()
    said.say("first", "一")
    said.say("second", "二")
    said.say("first", "一")
    with said.heard_by(Channel()):
        said.say("third", "三")  # a channel without listeners is nobody
    heard, channel = ear()
    with said.heard_by(channel):
        said.say("fourth", "四")
    assert [event.en for event in heard if isinstance(event, Notice)] == [
        "first",
        "second",
        "third",
        "fourth",
    ]
    again, channel = ear()
    with said.heard_by(channel):
        said.say("first", "一")
    assert again == []


def test_of_several_who_listen_the_outermost_is_told() -> None:
    said = Bulletin()
    (outer, first), (inner, second) = ear(), ear()
    with said.heard_by(first):
        with said.heard_by(second):
            said.say("cache", "缓存")
        said.say("kernel", "内核")
    assert len(outer) == 2
    assert inner == []


def test_listening_ends_with_the_block_whatever_ends_it() -> None:
    said = Bulletin()
    heard, channel = ear()
    with pytest.raises(ZeroDivisionError), said.heard_by(channel):
        raise ZeroDivisionError
    said.say("later", "以后")
    assert heard == []


@pytest.mark.parametrize(("lang", "text"), [("en", "kernel 37 is missing"), ("zh", "缺少内核 37")])
def test_a_command_shows_it_once_beside_its_output(
    capsys: pytest.CaptureFixture[str], lang: str, text: str
) -> None:
    bulletin.say("kernel 37 is missing", "缺少内核 37")
    assert main(["show", "op", "relu", "--lang", lang]) == 0
    told = capsys.readouterr()
    assert told.err == f"{text}\n"
    assert text not in told.out
    bulletin.say("kernel 37 is missing", "缺少内核 37")
    assert main(["show", "op", "relu", "--lang", lang]) == 0
    assert capsys.readouterr().err == ""
