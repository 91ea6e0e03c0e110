"""The visitor's session state with its type: widget keys to values."""

from collections.abc import MutableMapping
from typing import Any, cast

import streamlit as st

# Streamlit's own type also admits integers as keys, so that it fits no mapping of texts.
SESSION = cast(MutableMapping[str, Any], st.session_state)
