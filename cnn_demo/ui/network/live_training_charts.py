"""Charts of live training on page 3: curves, kernels, mistakes and the prediction for a drawing."""

import numpy as np
import plotly.graph_objects as go
import streamlit as st

from cnn_demo.drawing.pictures import jpeg_url
from cnn_demo.drawing.shapes import rasterize
from cnn_demo.models.classification.digits import CLASSES, DigitRun, confusion, digit_data, read
from cnn_demo.models.classification.drawn_digit import eight_by_eight
from cnn_demo.results import percent
from cnn_demo.ui.components.annotator import annotator
from cnn_demo.ui.components.flipbook import Chart, Line, flipbook
from cnn_demo.ui.network.kernel_mosaic import kernel_mosaic
from cnn_demo.ui.page.fragments import fragment
from cnn_demo.ui.widgets.charts import CHART_CONFIG, FAINT, chart_colours
from cnn_demo.ui.widgets.number_grid import number_grid
from cnn_demo.ui.widgets.picture_cards import Card, picture_cards
from cnn_demo.ui.widgets.probability_bars import probability_bars

CREDIT = (
    "Digits: E. Alpaydin and C. Kaynak, [Optical recognition of handwritten digits](https://doi.org/10.24432/C50P49) "
    "(UCI, 1998), CC BY 4.0, from scikit-learn. The split into training and test data is stratified by digit; digits "
    "of one writer may be in both parts, so other people's handwriting is recognized less well."
)

BOARD, PEN = 280, 24  # pixels
DIGITS = tuple(str(digit) for digit in range(CLASSES))
MAX_MISTAKES = 12
LIVE_FRAMES = 16  # sent at most during a training, which updates the page more than once a second


def before_training() -> None:
    """Show one example of each digit in the training set."""
    data = digit_data()
    shown = [np.flatnonzero(data.labels == digit)[0] for digit in range(CLASSES)]
    picture_cards(
        [
            Card(_picture(data.images[index]), f"A handwritten {digit}, 8 by 8 pixels", f"{digit}")
            for digit, index in enumerate(shown)
        ],
        width=56,
        columns=10,
        ratio="1",
        pixelated=True,
    )
    st.caption(f"One training picture of each digit. {CREDIT}")


def figures(run: DigitRun) -> None:
    """Show the figures of a training in a row."""
    last = run.epochs[-1]
    with st.container(horizontal=True):
        st.metric("Test accuracy", percent(last.held_out_accuracy), border=True)
        st.metric("Training accuracy", percent(last.accuracy), border=True)
        st.metric("Parameters", f"{run.settings.parameters:,}", border=True)
        st.metric("Training time", f"{run.seconds:.1f} s", border=True)


def curves(run: DigitRun, live: bool = False) -> None:
    """Show the first kernels and the curves, epoch by epoch, on a scrub bar.

    Args:
        run: The training.
        live: Whether it goes on: then the kernels of some epochs only are shown, so that each update is small.
    """
    epochs = run.epochs
    frames = [*range(len(run.kernels))]
    if live:
        every = -(-len(frames) // LIVE_FRAMES)
        frames = [*frames[:-1:every], frames[-1]]
    count = run.settings.filters
    columns = max(4, count // 4)
    flipbook(
        [kernel_mosaic(run.kernels[epoch], columns) for epoch in frames],
        [
            Chart(
                "Accuracy",
                (
                    Line("training", tuple(epoch.accuracy for epoch in epochs)),
                    Line("test", tuple(epoch.held_out_accuracy for epoch in epochs)),
                ),
                percent=True,
            ),
            Chart(
                "Loss",
                (
                    Line("training", tuple(epoch.loss for epoch in epochs)),
                    Line("test", tuple(epoch.held_out_loss for epoch in epochs)),
                ),
            ),
        ],
        key="live_book",
        alt=f"The {count} kernels of the first layer",
        caption=f"The {count} kernels of the first layer, 3 × 3 weights each: red is positive, blue negative.",
        frame_epochs=frames,
        epochs=run.settings.epochs,
        max_width=110 * columns if count > 4 else 380,
    )


@fragment
def drawing(run: DigitRun) -> None:
    """Show a board to draw on, the network's input made from the drawing, and the prediction."""
    st.subheader("Draw a digit", anchor=False)
    board, seen, prediction = st.columns([BOARD, BOARD, 340], gap="medium")
    with board:
        strokes = annotator(
            None,
            (BOARD, BOARD),
            key="live_canvas",
            drawing="digit",
            tool="brush",
            classes=[("", "#ffffff")],
            brush=PEN,
            opacity=1,
            alt="A black square to draw a digit on.",
        )
    size = (BOARD, BOARD)
    ink = rasterize(strokes, size, size, blank=1) == 0  # the only class
    values = eight_by_eight(ink * np.uint8(255))
    if values is None:
        seen.info(
            "Draw a digit from 0 to 9 on the black square, and the network classifies it.", icon=":material/draw:"
        )
        return
    probabilities = read(run.network, values[None])[0]
    best = int(probabilities.argmax())
    with seen:
        number_grid(
            values,
            title="Input of the network",
            note="Cropped, centred, with strokes as thick and as dark as in the training digits; 1 is ink.",
            alt="The drawing as 8 by 8 values",
            ink=True,
        )
    with prediction:
        st.markdown(f"Prediction: **{best}** ({percent(float(probabilities[best]))})")
        probability_bars(DIGITS, probabilities, caption="Probability of each digit", ordered=False)
    st.caption(
        "Wrong? The network learned only from its training data: there, most sevens have a bar, and fours are slanted. "
        "Draw yours that way, and compare. A drawn digit is not part of the link."
    )


def mistakes(run: DigitRun) -> None:
    """Show the confusion matrix of the test digits, and the misclassified ones as images."""
    data = digit_data()
    predictions = run.probabilities.argmax(axis=1)
    wrong = np.flatnonzero(predictions != data.held_out_labels)
    st.subheader("Misclassified digits", anchor=False)
    chart, pictures = st.columns([3, 2], gap="medium")
    with chart:
        st.plotly_chart(
            _confusion_chart(confusion(run.probabilities, data.held_out_labels)),
            key="live_confusion",
            config=CHART_CONFIG,
            alt="Confusion matrix of the test digits.",
        )
    with pictures:
        st.markdown(_mistakes_sentence(len(wrong), len(predictions)))
        most_confident = wrong[np.argsort(-run.probabilities[wrong, predictions[wrong]])][:MAX_MISTAKES]
        picture_cards(
            [
                Card(
                    _picture(data.held_out_images[index]),
                    f"A handwritten {data.held_out_labels[index]}, 8 by 8 pixels",
                    f"predicted {predictions[index]}, is {data.held_out_labels[index]}",
                    (percent(float(run.probabilities[index, predictions[index]])),),
                )
                for index in most_confident
            ],
            width=92,
            columns=4,
            ratio="1",
            pixelated=True,
        )
    st.caption(CREDIT)


def _mistakes_sentence(wrong: int, total: int) -> str:
    if wrong == 0:
        return f"All {total} test digits are classified correctly."
    which = f"The {MAX_MISTAKES} most confident mistakes:" if wrong > MAX_MISTAKES else "With their confidence:"
    return f"**{wrong} of {total}** test digits misclassified. {which}"


def _confusion_chart(counts: np.ndarray) -> go.Figure:
    # Correct predictions are many, mistakes few: coloured by the square root, single mistakes are visible.
    figure = go.Figure(
        go.Heatmap(
            z=np.sqrt(counts),
            x=DIGITS,
            y=DIGITS,
            customdata=counts,
            text=np.where(counts > 0, counts.astype(str), ""),
            texttemplate="%{text}",
            colorscale=[[0, FAINT], [1, chart_colours().blue]],
            showscale=False,
            xgap=2,
            ygap=2,
            hovertemplate="%{customdata} pictures of a %{y} predicted as %{x}<extra></extra>",
        )
    )
    figure.update_layout(height=420, margin={"l": 0, "r": 0, "t": 8, "b": 0})
    figure.update_xaxes(title="predicted digit", type="category", constrain="domain", showgrid=False)
    figure.update_yaxes(title="true digit", type="category", autorange="reversed", scaleanchor="x", constrain="domain")
    return figure


def _picture(image: np.ndarray) -> str:
    """Return a digit, (8, 8) in 0..1 with 1 for ink, as a data URL, dark on light."""
    return jpeg_url(np.kron(np.rint(255 * (1 - image)).astype(np.uint8), np.ones((8, 8), np.uint8)))
