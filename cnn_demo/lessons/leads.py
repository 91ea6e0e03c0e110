"""The question that a tab answers, and what to try first: two sentences above its picture."""

COVER_IT = (
    "**Which parts does the prediction need?** Paint over one, then over the background instead, and compare the bars."
)
SWITCH_CHANNELS_OFF = (
    "**Which channels does the prediction depend on?** Begin with the top ten; then click single maps, or drag the "
    "slider to 2, which doubles them."
)
COMPARE_CLASSES = (
    "**Why this class, and not another?** Choose the one that you would have expected as **Class B**, and see below "
    "which small patch decides between the two."
)
FOOL_IT = (
    "**How little noise changes the prediction?** Choose any **Class to predict**, then “Whole budget”, and see below "
    "where the noise still works."
)
PARTS = (
    "**Which regions does a layer tell apart, without having been taught any?** Click a part to see it alone, then "
    "choose an earlier **Layer**."
)
