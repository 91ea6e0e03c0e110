# The app on a machine without a GPU: docker build -t cnn-demo . && docker run --rm -p 8501:8501 cnn-demo
# compose.yaml puts it behind a reverse proxy; docs/deployment.md describes both.
FROM python:3.11-slim-bookworm

# Nothing is installed with apt: the wheels need no library that this image lacks.
ENV PYTHONUNBUFFERED=1 \
    PIP_NO_CACHE_DIR=1 \
    PIP_DISABLE_PIP_VERSION_CHECK=1 \
    STREAMLIT_SERVER_ADDRESS=0.0.0.0 \
    STREAMLIT_SERVER_PORT=8501 \
    STREAMLIT_SERVER_HEADLESS=true \
    STREAMLIT_BROWSER_GATHER_USAGE_STATS=false

# 1000 is also the user whom Hugging Face's Spaces run.
RUN useradd --create-home --uid 1000 app
WORKDIR /app

COPY requirements.txt requirements-cpu.txt ./
RUN pip install -r requirements-cpu.txt

COPY app.py pyproject.toml LICENSE README.md ./
COPY .streamlit/config.toml .streamlit/
COPY pages pages
COPY assets assets
COPY cnn_demo cnn_demo
RUN python -m compileall -q cnn_demo pages

USER 1000
# Without internet the image is built all the same, and the bundled networks are the default ones.
RUN python -m cnn_demo fetch --defaults || echo "Official weights are missing: the app uses bundled networks."

# Convert the networks once, so that a server loads them without torch.
RUN python -m cnn_demo prepare

EXPOSE 8501
# No curl in a slim image. `--start-period` covers a cold disk; a start takes about a second.
HEALTHCHECK --interval=30s --timeout=5s --start-period=60s --retries=3 \
    CMD ["python", "-c", "import os, urllib.request as r; r.urlopen(f'http://127.0.0.1:{os.environ[\"STREAMLIT_SERVER_PORT\"]}/_stcore/health', timeout=4)"]
CMD ["python", "-m", "cnn_demo", "serve", "--no-fetch"]
