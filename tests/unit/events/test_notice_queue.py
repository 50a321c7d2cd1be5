"""Each notice of a process is delivered once, to the outermost channel, or to the first one after it."""

from __future__ import annotations

import pytest

from chainrule.apps.cli.main import main
from chainrule.events import Channel, Event, Notice, NoticeQueue, notices
from chainrule.messages import fact


def collector() -> tuple[list[Event], Channel]:
    """A list and a channel that appends its events to it."""
    received: list[Event] = []
    return received, Channel([received.append])


def test_pending_notices_reach_the_first_channel_with_a_listener_once() -> None:
    queue = NoticeQueue()
    queue.emit("first")
    queue.emit("second")
    queue.emit("first")
    with queue.deliver_to(Channel()):
        queue.emit("third")  # a channel without listeners receives nothing
    received, channel = collector()
    with queue.deliver_to(channel):
        queue.emit("fourth")
    assert [event.en for event in received if isinstance(event, Notice)] == [
        "first",
        "second",
        "third",
        "fourth",
    ]
    repeated, channel = collector()
    with queue.deliver_to(channel):
        queue.emit("first")
    assert repeated == []


def test_of_nested_channels_only_the_outermost_receives_notices() -> None:
    queue = NoticeQueue()
    (outer, first), (inner, second) = collector(), collector()
    with queue.deliver_to(first):
        with queue.deliver_to(second):
            queue.emit("cache")
        queue.emit("kernel")
    assert len(outer) == 2
    assert inner == []


def test_delivery_ends_with_the_block_even_after_an_exception() -> None:
    queue = NoticeQueue()
    received, channel = collector()
    with pytest.raises(ZeroDivisionError), queue.deliver_to(channel):
        raise ZeroDivisionError
    queue.emit("later")
    assert received == []


@pytest.mark.parametrize(("lang", "text"), [("en", "kernel 37 is missing"), ("zh", "缺少 kernel 37")])
def test_a_command_prints_a_notice_once_on_stderr(
    capsys: pytest.CaptureFixture[str], lang: str, text: str
) -> None:
    notices.emit(fact("{name} is missing", name="kernel 37"))
    assert main(["show", "op", "relu", "--lang", lang]) == 0
    printed = capsys.readouterr()
    assert printed.err == f"{text}\n"
    assert text not in printed.out
    notices.emit(fact("{name} is missing", name="kernel 37"))
    assert main(["show", "op", "relu", "--lang", lang]) == 0
    assert capsys.readouterr().err == ""
