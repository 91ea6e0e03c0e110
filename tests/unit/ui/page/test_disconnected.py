"""Sessions of visitors who have left: kept for a while, within a limit in bytes, and then ended."""

import asyncio
from collections.abc import Coroutine
from concurrent.futures import ThreadPoolExecutor
from types import SimpleNamespace

import numpy as np
import pytest
from streamlit.runtime.app_session import AppSession
from streamlit.runtime.memory_session_storage import MemorySessionStorage
from streamlit.runtime.websocket_session_manager import WebsocketSessionManager

from cnn_demo.ui.page.disconnected import DisconnectedSessions

MB = 2**20


class Session:
    """A session with a photo of some megabytes."""

    def __init__(self, name: str, megabytes: int = 1):
        self.id, self.ended = name, False
        photo = np.zeros(megabytes * MB, np.uint8)
        self.session_state = SimpleNamespace(filtered_state={"own_photo": photo}, clear=lambda: None)
        self._fragment_storage = SimpleNamespace(clear=lambda: None)

    def shutdown(self):
        self.ended = True


def on_a_loop(work: Coroutine) -> None:
    """Run it in a thread of its own: the browser stories of the same process have an event loop."""
    with ThreadPoolExecutor(1) as pool:
        pool.submit(asyncio.run, work).result()


def save(kept: DisconnectedSessions, *sessions: Session) -> None:
    async def leave():
        for session in sessions:
            kept.save(SimpleNamespace(session=session))

    on_a_loop(leave())


@pytest.fixture
def now():
    return [0.0]


@pytest.fixture
def kept(now):
    return DisconnectedSessions(60, max_sessions=4, max_bytes=10 * MB, clock=lambda: now[0])


def test_a_visitor_who_comes_back_in_time_has_his_session(kept, now):
    session = Session("a")
    save(kept, session)
    now[0] = 59
    assert kept.get("a").session is session
    kept.delete("a")
    now[0] = 61
    assert kept.list() == []
    assert not session.ended  # it goes on


def test_a_session_ends_when_its_time_is_over(kept, now):
    first, second = Session("a"), Session("b")
    save(kept, first)
    now[0] = 30
    save(kept, second)
    now[0] = 61
    assert kept.get("a") is None
    assert (first.ended, second.ended) == (True, False)


def test_a_session_ends_without_another_visit():
    times = iter((10, 0, 100))  # left, not over yet, over
    kept, session = DisconnectedSessions(-0.99, clock=lambda: next(times)), Session("a", 0)

    async def leave():
        kept.save(SimpleNamespace(session=session))
        assert not session.ended
        await asyncio.sleep(0.1)

    on_a_loop(leave())
    assert session.ended


def test_the_oldest_end_if_they_are_too_large_or_too_many(kept):
    large = [Session(name, 4) for name in "abc"]
    save(kept, *large)
    assert [session.ended for session in large] == [True, False, False]
    huge = Session("d", 30)
    save(kept, huge)
    assert [info.session for info in kept.list()] == [huge]  # the last one may be larger than all
    small = [Session(name, 0) for name in "efghi"]
    save(kept, *small)
    assert [info.session.id for info in kept.list()] == list("fghi")


def test_streamlit_has_the_places_where_it_is_put():
    assert "_session_storage" in WebsocketSessionManager.__init__.__code__.co_names
    assert "_fragment_storage" in AppSession.__init__.__code__.co_names
    public = {name for name in dir(MemorySessionStorage) if not name.startswith("_")}
    assert public <= set(dir(DisconnectedSessions))
