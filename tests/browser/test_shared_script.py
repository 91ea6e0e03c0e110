"""The helpers of the components' scripts, without a server."""

from playwright.sync_api import Page

from cnn_demo.ui.components import home

CALLS = """async (text) => {
  const { cleanUpOfCall } = await import(URL.createObjectURL(new Blob([text], { type: "text/javascript" })))
  const parentElement = document.body.appendChild(document.createElement("div")).attachShadow({ mode: "open" })
  const log = []
  const mount = (component) => {
    log.push(component.data)
    return cleanUpOfCall(component, mount, () => log.push("released"))
  }
  const call = (data) => mount({ data, parentElement })
  call("newer")
  call("older")() // it was overtaken: Streamlit cleans up after it at once
  const newest = call("newest")
  parentElement.host.remove()
  newest()
  return log
}"""


def test_data_that_were_overtaken_while_a_script_loaded_are_not_left(page: Page) -> None:
    log = page.evaluate(CALLS, (home("") / "shared.js").read_text(encoding="utf-8"))
    assert log == ["newer", "older", "newer", "newest", "released"]
