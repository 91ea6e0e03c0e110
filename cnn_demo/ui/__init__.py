"""What the pages share and that needs Streamlit: page frame, photo picker, picture views."""
