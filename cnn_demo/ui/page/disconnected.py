"""Sessions whose visitor has left: kept for a moment, in case that the connection comes back, and then ended.

Streamlit keeps 128 of them, however large, and ends them when another one comes: the photos of the last visitors stay
until then, and a visit with a photo of 10 MB every two seconds took 8 GB. Here they have a limit in bytes and an end.
"""

import asyncio
import time
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass

import streamlit as st
from streamlit import config, runtime
from streamlit.runtime.app_session import AppSession
from streamlit.runtime.session_manager import SessionInfo, SessionStorage
from streamlit.runtime.websocket_session_manager import WebsocketSessionManager

from cnn_demo.ui.page.caching import size_of

MAX_SESSIONS = 128  # Streamlit's own limit
MAX_BYTES = 256 * 2**20
LAST_RUN = 2.0  # seconds in which the last run of a session that was ended is over


@dataclass
class _Left:
    """A session that was left.

    Attributes:
        info: Streamlit's record of it.
        until: Time when it ends.
        bytes: Size of its state: photos, videos and predictions.
    """

    info: SessionInfo
    until: float
    bytes: int


class DisconnectedSessions(SessionStorage):
    """Keeps sessions in the order in which they were left. All methods run on the server's event loop.

    Args:
        seconds: How long a session is kept.
        max_sessions: Greatest number of sessions.
        max_bytes: Greatest size of all sessions but the last one.
        clock: Function that returns the time in seconds.
    """

    def __init__(
        self,
        seconds: float,
        max_sessions: int = MAX_SESSIONS,
        max_bytes: int = MAX_BYTES,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._seconds, self._max_sessions, self._max_bytes, self._clock = seconds, max_sessions, max_bytes, clock
        self._kept: dict[str, _Left] = {}

    def get(self, session_id: str) -> SessionInfo | None:
        """Return a session that is kept; None if there is none of this name."""
        self.end_some()
        left = self._kept.get(session_id)
        return left.info if left is not None else None

    def save(self, session_info: SessionInfo) -> None:
        """Keep a session that was left."""
        state = session_info.session.session_state.filtered_state
        self._kept[session_info.session.id] = _Left(session_info, self._clock() + self._seconds, size_of(state))
        self.end_some()
        asyncio.get_running_loop().call_later(self._seconds + 1, self.end_some)

    def delete(self, session_id: str) -> None:
        """Forget a session, which goes on or is ended by the caller."""
        self._kept.pop(session_id, None)

    def list(self) -> list[SessionInfo]:
        """Return all sessions that are kept."""
        self.end_some()
        return [left.info for left in self._kept.values()]

    def end_some(self) -> None:
        """End the sessions whose time is over, and the oldest ones if they are too many or too large."""
        while self._kept:
            oldest, left = next(iter(self._kept.items()))
            too_large = len(self._kept) > 1 and sum(each.bytes for each in self._kept.values()) > self._max_bytes
            if left.until > self._clock() and len(self._kept) <= self._max_sessions and not too_large:
                break
            del self._kept[oldest]
            _end(left.info.session)


def _end(session: AppSession) -> None:
    """End a session, and let go of its photos.

    It is part of reference cycles, and Python looks for those once in many visits.
    """
    session.shutdown()
    with suppress(RuntimeError):  # no event loop, in tests
        loop = asyncio.get_running_loop()
        loop.call_later(LAST_RUN, session.session_state.clear)
        loop.call_later(LAST_RUN, session._fragment_storage.clear)


@st.cache_resource(show_spinner=False)
def end_disconnected_sessions() -> None:
    """Let the server keep the sessions of visitors who have left in `DisconnectedSessions`."""
    if not runtime.exists():
        return
    # Streamlit has no public way to choose the storage.
    manager = getattr(runtime.get_instance(), "_session_mgr", None)
    if isinstance(manager, WebsocketSessionManager):  # tests have none
        manager._session_storage = DisconnectedSessions(config.get_option("server.disconnectedSessionTTL"))
