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
EXPLAIN_LOCALIZER = (
    "**Do class and box depend on the same pixels?** Compare the two maps, then choose one side as **Part of the box "
    "to explain**."
)
EXPLAIN_BOX = (
    "**Which pixels does this detection depend on?** Tap another box, then explain its **Box** instead of its **Class "
    "score**, which often depends on other pixels."
)
EXPLAIN_PIXEL = (
    "**Why does this pixel, region or object have its class?** Tap another one on the photo, and compare the map with "
    "the masks."
)
TILES = (
    "**Which objects are found only in tiles of the photo, where they are larger?** Their boxes are green. Set a "
    "smaller **Tile size**, or try a photo with people in the distance."
)
EVALUATE = (
    "**How good are the predictions, and which kinds of errors are there?** Click **Add the predictions**, then "
    "correct them until there is one box for each object."
)
