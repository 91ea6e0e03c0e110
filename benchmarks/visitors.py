"""Visitors without a browser: sessions that speak Streamlit's protocol over a websocket, as its front end does."""

import asyncio
import time
from types import TracebackType
from typing import Any, Self

import requests
import websockets
from streamlit.proto.BackMsg_pb2 import BackMsg
from streamlit.proto.Common_pb2 import FileUploaderState, UploadedFileInfo
from streamlit.proto.ForwardMsg_pb2 import ForwardMsg
from streamlit.proto.WidgetStates_pb2 import WidgetState

PATIENCE = 120  # seconds for one answer
LARGEST = 2**26  # bytes of a message


class Failed(Exception):
    """The page showed an error, or did not answer."""


class Visitor:
    """A session: use it as an asynchronous context manager, which connects and disconnects.

    Args:
        address: Address of the server, such as "http://127.0.0.1:8501".
        page: Last part of the page's address, such as "Convolution".
        query: Query string of its link.
    """

    def __init__(self, address: str, page: str, query: str = "") -> None:
        self.address, self.page, self.query = address, page, query
        self.session_id = ""
        self.elements: dict[str, tuple[str, Any, str]] = {}  # id -> kind, protobuf and fragment
        self.errors: list[str] = []
        self.texts: list[str] = []  # of the last run
        self.pictures = 0  # components that the last run sent
        self._seen: dict[str, ForwardMsg] = {}  # by hash: the server sends a long message once
        self._page_hash = ""

    async def __aenter__(self) -> Self:
        self._socket = await websockets.connect(
            self.address.replace("http", "ws", 1) + "/_stcore/stream",
            subprotocols=[websockets.Subprotocol("streamlit")],
            max_size=LARGEST,
            origin=websockets.Origin(self.address),
            ping_interval=None,
        )
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self._socket.close()

    async def open(self) -> float:
        """Open the page, and return the seconds until it is complete."""
        return await self._run()

    async def slide(self, label: str, value: float) -> float:
        """Move the slider with this label, and return the seconds until its page is complete."""
        element, fragment = self._find("slider", label)
        state = WidgetState(id=element.id)
        state.double_array_value.data.append(value)
        seconds = await self._run(state, fragment)
        if not self.pictures:
            raise Failed("The page drew no picture anew.")
        return seconds

    async def upload(self, label: str, name: str, data: bytes) -> float:
        """Upload a file, and return the seconds until the page is complete."""
        element, fragment = self._find("file_uploader", label)
        start = time.perf_counter()
        message = BackMsg()
        message.file_urls_request.request_id = name
        message.file_urls_request.file_names.append(name)
        message.file_urls_request.session_id = self.session_id
        await self._socket.send(message.SerializeToString())
        urls = (await self._until("file_urls_response")).file_urls_response.file_urls[0]
        await asyncio.to_thread(self._put, urls.upload_url, name, data)
        file = UploadedFileInfo(name=name, size=len(data), file_id=urls.file_id, file_urls=urls)
        state = WidgetState(id=element.id, file_uploader_state_value=FileUploaderState(uploaded_file_info=[file]))
        await self._run(state, fragment)
        seconds = time.perf_counter() - start
        if not any(name in text for text in self.texts):
            raise Failed(f"The page does not show {name}.")
        return seconds

    def _put(self, url: str, name: str, data: bytes) -> None:
        with requests.Session() as session:
            session.get(self.address + "/_stcore/host-config", timeout=PATIENCE)
            session.get(self.address + "/_stcore/health", timeout=PATIENCE)
            token = session.cookies.get("_streamlit_xsrf") or ""
            done = session.put(
                self.address + url if url.startswith("/") else url,
                files={"file": (name, data, "image/jpeg")},
                headers={"X-Xsrftoken": token, "Origin": self.address},
                timeout=PATIENCE,
            )
            done.raise_for_status()

    def _find(self, kind: str, label: str) -> tuple[Any, str]:
        for found, element, fragment in reversed(self.elements.values()):
            if found == kind and element.label.startswith(label):
                return element, fragment
        raise Failed(f"There is no {kind} {label!r} on the page {self.page}.")

    async def _run(self, state: WidgetState | None = None, fragment: str = "") -> float:
        message = BackMsg()
        client = message.rerun_script
        client.query_string = self.query
        client.page_name = "" if self._page_hash else self.page
        client.page_script_hash = self._page_hash
        client.fragment_id = fragment
        client.context_info.timezone = "UTC"
        if state is not None:
            client.widget_states.widgets.append(state)
        self.errors.clear()
        self.texts.clear()
        self.pictures = 0
        start = time.perf_counter()
        await self._socket.send(message.SerializeToString())
        while True:
            finished = (await self._until("script_finished")).script_finished
            if finished != ForwardMsg.FINISHED_EARLY_FOR_RERUN:
                break
        if self.errors:
            raise Failed(self.errors[0])
        return time.perf_counter() - start

    async def _until(self, kind: str) -> ForwardMsg:
        while True:
            message = ForwardMsg.FromString(await asyncio.wait_for(self._socket.recv(decode=False), PATIENCE))
            if message.WhichOneof("type") == "ref_hash":
                message = self._seen[message.ref_hash]
            elif message.hash:
                self._seen[message.hash] = message
            self._read(message)
            if message.WhichOneof("type") == kind:
                return message

    def _read(self, message: ForwardMsg) -> None:
        if message.WhichOneof("type") == "new_session":
            self.session_id = message.new_session.initialize.session_id or self.session_id
        if message.WhichOneof("type") == "navigation":
            self._page_hash = message.navigation.page_script_hash
        if message.WhichOneof("type") != "delta" or message.delta.WhichOneof("type") != "new_element":
            return
        kind = str(message.delta.new_element.WhichOneof("type"))
        element = getattr(message.delta.new_element, kind)
        if kind == "exception" or (kind == "alert" and element.format == element.ERROR):
            self.errors.append(element.message if kind == "exception" else element.body)
        elif kind == "markdown":
            self.texts.append(element.body)
        elif kind == "bidi_component":
            self.pictures += 1
        elif hasattr(element, "label") and hasattr(element, "id"):
            self.elements[element.id] = kind, element, message.delta.fragment_id
