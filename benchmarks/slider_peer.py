"""The smallest app that does the same job with the same photo: cv2.GaussianBlur, shown through st.image."""

import cv2
import streamlit as st

from cnn_demo.images import read_photo

file = st.file_uploader("Photo")
sigma = st.slider("Sigma (px)", 0.3, 5.0, 1.0, 0.1)
if file is not None:
    if "pixels" not in st.session_state:
        st.session_state["pixels"] = read_photo(file.getvalue()).pixels
    st.image(cv2.GaussianBlur(st.session_state["pixels"], (9, 9), sigma), output_format="JPEG")
