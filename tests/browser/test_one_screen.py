"""Every tab of every page: picture and control in sight on four screens, nothing cut, and nothing serious by axe.

axe-core checks the page as WCAG 2.1 A and AA ask, in the light theme, and the contrast of texts in the dark one.
"""

from pathlib import Path

import pytest
from playwright.sync_api import Page
from visitor import settle, visit

from cnn_demo.topics import TOPICS

SCREENS = ((1440, 900), (1280, 720), (1024, 768), (390, 844))
PHONE = SCREENS[-1]
AXE = (Path(__file__).parent / "axe" / "axe.min.js").read_text(encoding="utf-8")
CHECKS = {
    "light": {"type": "tag", "values": ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa"]},
    "dark": {"type": "rule", "values": ["color-contrast"]},
}

# Returns the first picture and the first control of the page's main part below the photo strip, and cut elements.
MEASURE = """() => {
  const main = document.querySelector("[data-testid=stMain]")
  const skip = ".st-key-heading, .st-key-photo_strip, .st-key-photo_card, [role=tablist], [data-testid=stExpander], "
    + "[data-testid=stAlert]"
  const shown = (e) => {
    const box = e.getBoundingClientRect()
    return box.width > 0 && box.height > 0 && getComputedStyle(e).visibility !== "hidden"
  }
  const all = []
  const walk = (node) => {
    for (const e of node.children) {
      if (e.matches(skip) || getComputedStyle(e).display === "none") continue
      all.push(e)
      if (e.shadowRoot) walk(e.shadowRoot)
      walk(e)
    }
  }
  walk(main)
  const top = (e) => (e.getRootNode() instanceof ShadowRoot ? top(e.getRootNode().host) : e)
  const bounds = (e) => {
    if (!e) return null
    const { top, bottom, height } = e.getBoundingClientRect()
    return { top, bottom, height, tag: e.tagName, text: (e.ariaLabel || e.alt || e.textContent || "").slice(0, 40) }
  }
  const pictures = "img, canvas, svg, table, [data-testid=stDataFrame], [data-testid=stPlotlyChart]"
  const large = (e) => {
    const { width, height } = e.getBoundingClientRect()
    return e.matches(pictures) && shown(e) && width >= 80 && height >= 50 && width * height >= 4000
  }
  const dissolved = (e) => getComputedStyle(e).display === "contents" // on a phone, where one draws
  const stage = all.find((e) => e.matches("[class*=st-key-stage_]") && (shown(e) || dissolved(e)))
  const inStage = (e) => stage?.contains(top(e))
  const picture = all.find((e) => large(e) && inStage(e))
    ?? all.find((e) => e.matches(".tiles, .cards") && shown(e) && inStage(e)) // many small pictures
    ?? all.find(large)
  const controls = "[role=slider], [role=combobox], [role=radio], [role=switch], input, textarea, button"
  const control = all.find((e) => e.matches(controls) && shown(e) && !e.closest("[role=tab]"))
  const cut = []
  const host = (e) => e.parentElement ?? e.getRootNode().host
  for (const e of all) {
    const texts = [...e.childNodes].some((n) => n.nodeType === 3 && n.textContent.trim())
    if (!(texts || e.matches("canvas, img")) || !shown(e)) continue
    if (e.closest("[data-testid=stDataFrame], code, pre, .katex, .js-plotly-plot, svg")) continue
    const style = getComputedStyle(e)
    if (style.clipPath !== "none" || style.position === "fixed") continue
    const name = (e.textContent || e.alt || e.tagName).trim().slice(0, 40)
    const hides = (s) => s.overflowX === "hidden" || s.overflowX === "clip"
    if (hides(style) && e.scrollWidth > e.clientWidth + 1) { cut.push(name); continue }
    const { left, right } = e.getBoundingClientRect()
    for (let up = host(e); up && up !== main; up = host(up)) {
      const s = getComputedStyle(up)
      if (s.clipPath !== "none" || s.overflowX === "auto" || s.overflowX === "scroll") break
      const box = up.getBoundingClientRect()
      if (hides(s) && box.width > 0 && (right > box.right + 1.5 || left < box.left - 1.5)) { cut.push(name); break }
    }
  }
  const hovered = "[data-testid=stElementToolbar], [data-testid=stCode]" // their buttons come up under the pointer
  const covered = [...main.querySelectorAll("button")].filter((e) => {
    const { left, top, width, height } = e.getBoundingClientRect()
    if (!width || !height || top < 70 || top + height > innerHeight || e.closest(hovered)) return false
    const hit = document.elementFromPoint(left + width / 2, top + height / 2)
    return hit && !e.contains(hit) && !hit.contains(e)
  }).map((e) => (e.ariaLabel || e.textContent).trim().slice(0, 40))
  return {
    covered, picture: bounds(picture), control: bounds(control), cut: [...new Set(cut)],
    sideways: main.scrollWidth > main.clientWidth + 1 || document.documentElement.scrollWidth > innerWidth,
    failed: main.querySelector("[data-testid=stException]")?.textContent,
  }
}"""


@pytest.mark.parametrize("topic", TOPICS, ids=lambda topic: topic.short)
def test_every_tab_fits_every_screen(page: Page, topic) -> None:
    screens, schemes = SCREENS, tuple(CHECKS)
    resize(page, screens[0])
    visit(page, "/" + topic.page.removeprefix(f"pages/{topic.number}_").removesuffix(".py"))
    page.evaluate(AXE)
    faults = []
    for name in dict.fromkeys(tab.inner_text() for tab in page.get_by_role("tab").all()):
        page.get_by_role("tab", name=name, exact=True).first.click()
        settle(page)
        for screen in screens:
            resize(page, screen)
            found = page.evaluate(MEASURE)
            faults += [f"{name} at {screen[0]}: {fault}" for fault in faults_of(found, screen)]
            if screen == SCREENS[0]:
                for scheme in schemes:
                    faults += [f"{name}, {scheme}: {fault}" for fault in found_by_axe(page, scheme)]
                schemes = schemes[::-1]
        screens = screens[::-1]  # the next tab begins with the screen and the colours that this one ends with
    assert not faults, "\n".join(faults)


@pytest.mark.parametrize("path", ["/", "/About"])
def test_pages_without_tabs(page: Page, path: str) -> None:
    resize(page, SCREENS[0])
    visit(page, path)
    page.evaluate(AXE)
    faults = [f"{scheme}: {fault}" for scheme in CHECKS for fault in found_by_axe(page, scheme)]
    for screen in SCREENS:
        resize(page, screen)
        found = page.evaluate(MEASURE)
        faults += [f"at {screen[0]}: {each!r} is cut or covered" for each in (*found["cut"], *found["covered"])]
        faults += [f"at {screen[0]}: scrolls sideways"] if found["sideways"] else []
    assert not faults, "\n".join(faults)


def resize(page: Page, screen: tuple[int, int]) -> None:
    """Give the window a size, and wait for two frames and the components' resize observers."""
    width, height = screen
    if page.viewport_size != {"width": width, "height": height}:
        page.set_viewport_size({"width": width, "height": height})
        page.wait_for_timeout(150)
    page.evaluate("document.querySelector('[data-testid=stMain]')?.scrollTo(0, 0)")


def faults_of(found: dict, screen: tuple[int, int]) -> list[str]:
    """Return a sentence for each fault of one tab on one screen."""
    faults = [f"{text!r} is cut" for text in found["cut"]]
    faults += [f"the button {text!r} is covered" for text in found["covered"]]
    if found["failed"]:
        faults.append(found["failed"])
    if found["sideways"]:
        faults.append("scrolls sideways")
    picture, control, height = found["picture"], found["control"], screen[1]
    if picture is None:
        faults.append("no picture")
    elif picture["bottom"] > height or (screen == PHONE and picture["top"] > height / 2):
        faults.append(f"picture from {picture['top']:.0f} to {picture['bottom']:.0f} ({picture['text']})")
    elif picture["height"] > 0.62 * height:
        faults.append(f"picture {picture['height']:.0f} high")
    if control is not None and control["bottom"] > height and screen != PHONE:
        faults.append(f"first control at {control['top']:.0f} ({control['text']})")
    return faults


def found_by_axe(page: Page, scheme: str) -> list[str]:
    """Return a line for each serious or critical finding in a colour scheme, with its first element."""
    if page.evaluate("matchMedia('(prefers-color-scheme: dark)').matches") != (scheme == "dark"):
        page.emulate_media(color_scheme=scheme)
        settle(page)
    options = {"runOnly": CHECKS[scheme], "resultTypes": ["violations"]}
    violations = page.evaluate("options => axe.run(options)", options)["violations"]
    return [
        f"{each['id']}: {each['nodes'][0]['html'][:120]}"
        for each in violations
        if each["impact"] in ("serious", "critical")
    ]
