"""Page 4, transfer learning: the head's prediction for the page's photo, its download and its upload."""

import numpy as np
import streamlit as st

from cnn_demo.images import Photo
from cnn_demo.limits import HEAD_MB
from cnn_demo.models import ModelSpec, ModelUnavailable, find, load_classifier
from cnn_demo.models.classification.units import input_box
from cnn_demo.models.transfer.fine_tuning import TunedRun
from cnn_demo.models.transfer.heads import Head, HeadError, check_fit, load_head, save_head
from cnn_demo.models.transfer.session import PRETRAINED, TUNED, TransferState, predict_photos
from cnn_demo.ui.page.barrier import unexpected
from cnn_demo.ui.page.caching import photo_cache
from cnn_demo.ui.page.markdown import plain
from cnn_demo.ui.pretrained.transfer.state import HEAD_REFUSED, LOADED
from cnn_demo.ui.widgets.cells import two_cells
from cnn_demo.ui.widgets.framed_photo import draw_on_photo
from cnn_demo.ui.widgets.probability_bars import probability_bars


def heads_section(photo: Photo, spec: ModelSpec, taught: TransferState | None) -> None:
    """Show the heads' predictions for the page's photo, the download of the trained head, and a head uploader.

    Args:
        photo: The page's photo, of any content.
        spec: Spec of the chosen network, to which a loaded head must belong.
        taught: Final state of the last training, or None.

    Raises:
        ModelUnavailable: If the weights of a head's network are no longer available locally.
    """
    loaded: Head | None = st.session_state.get(LOADED)
    if taught is not None or loaded is not None:
        st.subheader("Try it on your photo", anchor=False)
        _try(photo, taught, loaded)
    save_container, load_container = two_cells()
    if taught is not None:
        with save_container, st.container(border=True):
            _save(taught)
    with load_container if taught is not None else save_container, st.container(border=True):
        _load(spec, loaded)


def _try(photo: Photo, taught: TransferState | None, loaded: Head | None) -> None:
    given: list[tuple[str, Head, np.ndarray]] = []
    with st.spinner("Running the network…"):
        if taught is not None:
            head = taught.runs[PRETRAINED].head
            given.append(("Your head", head, _probabilities(photo, head)))
            tuned = taught.runs.get(TUNED)
            if isinstance(tuned, TunedRun):
                given.append(("Your head, fine-tuned", head, predict_photos(head, [photo], tuned)[0]))
        if loaded is not None:
            given.append(("Uploaded head", loaded, _probabilities(photo, loaded)))
    photo_container, heads = st.columns([2, 3], gap="medium")
    with photo_container:
        fit = given[0][1].fit
        crop = find(given[0][1].backbone).crop
        input_area = input_box(photo.size, fit, crop)
        caption = "Choose any photo above."
        draw_on_photo(photo, fit, input_area, key="teach_photo", caption=caption, alt="The photo", crop=crop)
    for title, head, probabilities in given:
        with heads:
            st.markdown(f"**{title}** on {find(head.backbone).title}")
            probability_bars(head.labels, probabilities, caption=f"Probability of each class: {title}", ordered=False)
    st.caption("A head has only its own classes: whatever the photo shows, it predicts one of them.")


def _probabilities(photo: Photo, head: Head) -> np.ndarray:
    return head.probabilities(_features(photo, head.backbone, head.fit))[0]


@photo_cache(queued=True)
def _features(photo: Photo, model_key: str, fit: str) -> np.ndarray:
    from cnn_demo.models.transfer.backbones import features

    return features(load_classifier(model_key), [photo], fit)


def _save(taught: TransferState) -> None:
    head = taught.runs[PRETRAINED].head
    st.markdown("**Download your head.** You can load it again later, here or in another copy of this app.")
    st.download_button(
        "Download the head",
        save_head(head),
        f"head_{head.backbone}.safetensors",
        "application/octet-stream",
        icon=":material/save:",
        key="teach_save",
        on_click="ignore",
    )
    tuned = " It is the head before fine-tuning; the fine-tuned block is not saved." if TUNED in taught.runs else ""
    numbers = sum(part.size for part in (head.weights, head.bias, head.mean, head.scale))
    st.caption(f"A safetensors file with {numbers:,} values and the labels, without photos.{tuned}")


def _load(spec: ModelSpec, loaded: Head | None) -> None:
    """Load an uploaded head, and clear the uploader; the previous head stays if the upload is refused."""
    turn = st.session_state.setdefault("teach_head_turn", 0)
    st.markdown("**Upload a head** that you downloaded here.")
    file = st.file_uploader(
        "A .safetensors file",
        key=f"teach_head_{turn}",
        max_upload_size=HEAD_MB,
        help="It must belong to the model chosen above.",
    )
    if file is not None:
        try:
            head = load_head(file.getvalue())
            with st.spinner(f"Loading {spec.title}…"):
                check_fit(head, load_classifier(spec.key))
        except (HeadError, ModelUnavailable) as error:
            st.session_state[HEAD_REFUSED] = str(error)
        except Exception as error:  # such as no memory; the uploader is emptied, or each run would read the file again
            st.session_state[HEAD_REFUSED] = unexpected(error)
        else:
            st.session_state[LOADED] = head
        st.session_state["teach_head_turn"] = turn + 1
        st.rerun()
    if refused := st.session_state.pop(HEAD_REFUSED, None):
        st.error(plain(refused), icon=":material/error:")
    if loaded is not None:
        names = ", ".join(plain(label) for label in loaded.labels)
        st.caption(f"Loaded: a head on {find(loaded.backbone).title} for the classes {names}.")
