"""Streamlit code: one folder per page, and the page frame, widgets and components that they share."""
