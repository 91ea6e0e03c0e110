// One entry in the browser's history for each click.
//
// Streamlit writes the link in several steps: an entry for each control that the server sets, none for a control that
// the visitor moves, and one without parameters before it opens another page. Back would lead through all of them.

/**
 * List the parameters that differ between two addresses.
 * @param {URL} before
 * @param {URL} after
 * @returns {string} Their names in alphabetical order.
 */
function changed(before, after) {
  const all = (/** @type {URL} */ url, /** @type {string} */ name) => url.searchParams.getAll(name).join("\n")
  const has = (/** @type {URL} */ url, /** @type {string} */ name) => url.searchParams.has(name)
  const names = new Set([...before.searchParams.keys(), ...after.searchParams.keys()])
  const differ = [...names].filter((name) => has(before, name) !== has(after, name) || all(before, name) !== all(after, name))
  return differ.sort().join("&")
}

/** Scroll another page to its top, and close the menu that a phone shows over it. */
function showFromTheTop() {
  document.querySelector("[data-testid=stMain]")?.scrollTo(0, 0)
  const close = document.querySelector("[data-testid=stSidebarCollapseButton] button")
  if (innerWidth < 768 && close instanceof HTMLElement) close.click()
}

/** Replace the functions with which Streamlit writes the history. */
function keepOneEntryForEachClick() {
  const push = history.pushState.bind(history)
  const replace = history.replaceState.bind(history)
  let fresh = false // the visitor has clicked or pressed a key since the last entry
  let typing = false // it was a key
  let leaving = false // the click was on a link to another page
  let moved = "" // the parameters of the last entry, if a control wrote it

  for (const name of ["pointerdown", "keydown"]) {
    addEventListener(name, () => {
      fresh = true
      typing = name === "keydown"
      leaving = false
    }, { capture: true, passive: true })
  }
  addEventListener("click", (event) => {
    const link = event.composedPath().find((each) => each instanceof HTMLAnchorElement)
    const here = !(event.ctrlKey || event.metaKey || event.shiftKey)
    leaving = here && link instanceof HTMLAnchorElement && link.origin === location.origin && link.pathname !== location.pathname
  }, { capture: true })
  addEventListener("popstate", () => {
    fresh = leaving = false
    moved = ""
  }, { capture: true })

  history.pushState = (state, title, url) => {
    const before = new URL(location.href)
    const after = new URL(url ?? location.href, location.href)
    if (after.pathname !== before.pathname) {
      fresh = leaving = false
      moved = ""
      push(state, title, url)
      showFromTheTop()
    } else if (!leaving) {
      if (fresh) push(state, title, url)
      else replace(state, title, url)
      fresh = false
      moved = ""
    }
  }

  history.replaceState = (state, title, url) => {
    const before = new URL(location.href)
    const after = new URL(url ?? location.href, location.href)
    const names = after.pathname === before.pathname ? changed(before, after) : ""
    if (fresh && names && !(typing && names === moved)) { // keys that move one control make one entry
      moved = names
      push(state, title, url)
    } else replace(state, title, url)
    fresh = false
  }
}

/** Begin with the first page that mounts the component; the others find it at work. */
export default function () {
  const page = /** @type {Window & {oneEntryForEachClick?: boolean}} */ (window)
  if (page.oneEntryForEachClick) return
  page.oneEntryForEachClick = true
  keepOneEntryForEachClick()
}
