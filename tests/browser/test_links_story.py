"""Experiments are started: the part that a notice describes is in view, and their link shows them to another visitor.

`tests/pages/test_experiments.py` opens the links of all experiments. Here are the two of each page that set most
controls, and those whose notice describes something below the picture.
"""

import re
import time
from importlib import import_module

import pytest
from playwright.sync_api import Page, expect
from visitor import PATIENCE, settle, span, try_experiment, visit

from cnn_demo.lessons import Experiment, Lesson
from cnn_demo.topics import TOPICS, Topic
from cnn_demo.ui.page.experiments import link_name

SCREEN = {"width": 1440, "height": 900}
IN_DETAILS = {
    "Border effects": "mode",
    "Stack layers as LeNet did": "stack_table",
    "Overlapping windows": "gradients",
    "A bus upside down": "threefold_corrupted",
    "The loss of the box alone": "truth_loss",
    "Where is it unsure?": "hide_uncertain",
}
"""Experiments whose notice describes something below the picture, and its key."""

# Everything a visitor can read a setting or a result from, in the order of the page: tabs, notice, controls, figures.
SHOWN = r"""() => {
  const shown = []
  const visible = (e) => e.getClientRects().length > 0 && getComputedStyle(e).visibility !== "hidden"
  const name = (e) => e.ariaLabel
    || e.labels?.[0]?.textContent
    || e.closest("[data-testid=stWidgetLabel], [role=radiogroup], [role=group]")?.ariaLabel
    || e.textContent
  const add = (kind, e, value) => shown.push([kind, (name(e) || "").trim().slice(0, 80), `${value}`])
  const walk = (node) => {
    for (const e of node.children) {
      if (e.matches("[data-testid=stHeader], style, script")) continue
      const role = e.getAttribute("role")
      if (e.matches("input, textarea, select") && e.type !== "file") {
        const checks = e.type === "checkbox" || e.type === "radio"
        if (visible(e) || checks) add(role ?? e.type, e, checks ? e.checked : e.value)
      } else if (visible(e)) {
        if (role === "tab") add("tab", e, e.ariaSelected)
        else if (role === "slider") add("slider", e, e.ariaValueText ?? e.ariaValueNow)
        else if (role === "radio" || role === "switch") add(role, e, e.ariaChecked)
        else if (e.ariaPressed !== null) add("button", e, e.ariaPressed)
        else if (e.matches("h1, h2, h3, h4")) add("heading", e, "")
        else if (e.matches("img[alt]")) shown.push(["picture", e.alt, ""])
        else if (e.matches("[data-testid=stMetric], [data-testid=stAlert], p, figcaption")) add("text", e, e.innerText)
      }
      if (e.shadowRoot) walk(e.shadowRoot)
      walk(e)
    }
  }
  walk(document.querySelector("[data-testid=stMain]"))
  return shown
}"""


def lesson_of(topic: Topic) -> Lesson:
    if topic.number == 6:
        from cnn_demo.ui.detection.state import lesson_here

        return lesson_here()
    names = ("convolution", "layers", "networks", "pretrained", "localization", "", "segmentation")
    return import_module(f"cnn_demo.lessons.{names[topic.number - 1]}").LESSON


def chosen(topic: Topic) -> list[Experiment]:
    """The two experiments that set most controls, and those in `IN_DETAILS`."""
    by_settings = sorted(lesson_of(topic).experiments, key=lambda each: len(each.settings))
    return [each for each in by_settings if each.title in IN_DETAILS or each in by_settings[-2:]]


def drawn(page: Page) -> list:
    """Return what the page shows once it stays the same: on a busy machine, a page pauses half-way."""
    settle(page)
    shown = page.evaluate(SHOWN)
    while True:
        settle(page)
        before, shown = shown, page.evaluate(SHOWN)
        if shown == before:
            return shown


def assert_in_view(page: Page, title: str) -> None:
    """The notice of an experiment and the part of the page that it describes are in view."""
    top, bottom = span(page, "notice")
    first, last = span(page, IN_DETAILS[title])
    assert 50 <= top < bottom <= 170, title
    assert bottom - 2 <= first < last, title
    assert last <= SCREEN["height"] or first < bottom + 20, title  # from its top, if it is taller than the window


@pytest.mark.parametrize("topic", TOPICS, ids=lambda topic: topic.short)
def test_another_visitor_sees_an_experiment_as_it_was_started(page: Page, friend: Page, topic: Topic) -> None:
    page.set_viewport_size(SCREEN)
    friend.set_viewport_size(SCREEN)
    visit(page, "/" + topic.page.removeprefix(f"pages/{topic.number}_").removesuffix(".py"))
    started = {}
    for experiment in chosen(topic):
        page.mouse.wheel(0, -10_000)  # back to the menu; it scrolls after an experiment unless the visitor does
        try_experiment(page, experiment.title)
        expect(page).to_have_url(re.compile(f"[?&]try={link_name(experiment)}"))
        shown = drawn(page)
        if experiment.title in IN_DETAILS:
            assert_in_view(page, experiment.title)
        started[experiment.title] = (page.url, shown)
    for title, (link, shown) in started.items():  # each visit begins another session, as another visitor's does
        visit(friend, link)
        expect(friend.get_by_text("What to notice.")).to_be_visible(timeout=PATIENCE)
        late = time.monotonic() + 60
        while friend.evaluate(SHOWN) != shown and time.monotonic() < late:  # on a busy machine, a page pauses half-way
            settle(friend)
        assert friend.evaluate(SHOWN) == shown, title
        assert friend.url == link, title
