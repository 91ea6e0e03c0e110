"""Uploaded files: their bytes are taken once, so that the server does not keep a second copy of them."""

import streamlit as st
from streamlit.runtime.memory_uploaded_file_manager import MemoryUploadedFileManager
from streamlit.runtime.scriptrunner import get_script_run_ctx
from streamlit.runtime.uploaded_file_manager import DeletedFile, UploadedFile


def received(key: str) -> UploadedFile | None:
    """Return the file of an uploader or a camera, for its callback; None if there is none.

    If a run is interrupted, the browser reports the upload again; it was taken already.

    Args:
        key: The widget's key.
    """
    file = st.session_state.get(key)
    return None if isinstance(file, DeletedFile) else file


def take(file: UploadedFile) -> bytes:
    """Return the bytes of a file, and remove it from the server, which would keep it until the session ends.

    The widget that received it must not be shown again.
    """
    data = file.getvalue()
    context = get_script_run_ctx()
    if context is not None and isinstance(context.uploaded_file_mgr, MemoryUploadedFileManager):
        context.uploaded_file_mgr.remove_file(context.session_id, file.file_id)
    return data
