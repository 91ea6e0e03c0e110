// Scrolls the page after a click on an experiment, so that the notice and the thing to notice are in sight; and, when a
// page opens, its row of tabs to the open one.

/** @typedef {{keys: string[], click: string}} Data */

const EDGE = 12 // pixels left free above and below
const QUIET = 8 // ticks without a change after which the page has come to rest; a busy browser has fewer of them
const TICK = 50 // milliseconds
const TIMES = 3 // that the page is scrolled: pictures that arrive later move the parts below them
const PATIENCE = 15_000 // milliseconds after which it is scrolled all the same
const MOVES = ["wheel", "touchmove", "pointerdown", "keydown"] // after which the visitor scrolls the page, not the app

/**
 * Resolve when the app has finished its run and the page rests; to false if the visitor moves it before.
 * @returns {Promise<boolean>}
 */
function atRest() {
  return new Promise((resolve) => {
    const begun = Date.now()
    let quiet = 0
    const observer = new MutationObserver(() => { quiet = 0 })
    observer.observe(document.body, { subtree: true, childList: true, attributes: true })
    const stop = (/** @type {boolean} */ rests) => {
      clearInterval(timer)
      observer.disconnect()
      for (const name of MOVES) removeEventListener(name, moved, true)
      resolve(rests)
    }
    const moved = () => stop(false)
    for (const name of MOVES) addEventListener(name, moved, { capture: true, passive: true })
    const timer = setInterval(() => {
      const runs = !document.querySelector("[data-testid=stApp][data-test-script-state=notRunning]")
      quiet = runs ? 0 : quiet + 1
      if (quiet >= QUIET || Date.now() - begun > PATIENCE) stop(true)
    }, TICK)
  })
}

/**
 * Find the element that Streamlit shows for a key, in the open tab.
 * @param {string} key - A widget's or a container's.
 * @returns {Element | undefined}
 */
function shown(key) {
  return [...document.querySelectorAll(`.st-key-${CSS.escape(key)}`)].find((each) => each.getClientRects().length)
}

/**
 * Scroll an element into the window, as little as it takes; if it is taller, its top is in sight.
 * @param {Element} element
 * @param {Element} main - The part of the page that scrolls.
 * @param {number} edge - Where the free part of the window begins, in pixels from the top.
 */
function scrollTo(element, main, edge) {
  const panel = element.closest("[class*=st-key-panel_]")
  if (panel) {
    const hidden = element.getBoundingClientRect().bottom - panel.getBoundingClientRect().bottom + EDGE
    panel.scrollTop += Math.max(0, hidden)
  }
  const { top, bottom } = element.getBoundingClientRect()
  const above = top - edge
  const below = bottom - innerHeight + EDGE
  if (above < 0) main.scrollTop += above
  else if (below > 0) main.scrollTop += Math.min(above, below)
}

/**
 * Return where the part of the window begins that nothing covers while an element scrolls, in pixels from the top: page 1
 * keeps its pictures above the rest on a phone.
 * @param {Element} element
 * @param {Element} main - The part of the page that scrolls.
 */
function pinnedAbove(element, main) {
  const { left, right } = element.getBoundingClientRect()
  let end = 0
  for (let each = element; each !== main && each.parentElement; each = each.parentElement) {
    for (let before = each.previousElementSibling; before; before = before.previousElementSibling) {
      const style = getComputedStyle(before)
      const box = before.getBoundingClientRect()
      if (style.position !== "sticky" || box.left >= right || box.right <= left) continue
      end = Math.max(end, parseFloat(style.top) + box.height)
    }
  }
  return end
}

/** Scroll the row of tabs, which a phone cuts off, to the open one: a link may have opened a late one. */
function showOpenTab() {
  for (const tab of document.querySelectorAll("[role=tab][aria-selected=true]")) {
    const row = tab.closest("[role=tablist]")
    if (!row) continue
    const { left, right } = tab.getBoundingClientRect()
    const visible = row.getBoundingClientRect()
    if (right > visible.right) row.scrollLeft += right - visible.right + 3 * EDGE // beside the arrow at the end
    else if (left < visible.left) row.scrollLeft += left - visible.left - 3 * EDGE
  }
}

/**
 * Scroll once for each click. On a phone, the notice goes to the top, with the picture below it, and controls, which are
 * further down, are left where they are.
 * @param {Component<Data>} component
 */
export default async function ({ data }) {
  const page = /** @type {Window & {revealed?: string}} */ (window)
  const click = data.click || location.pathname
  if (page.revealed === click) return
  page.revealed = click
  const main = document.querySelector("[data-testid=stMain]")
  for (let time = 0; main && time < TIMES && page.revealed === click; time++) {
    if (!(await atRest())) return
    showOpenTab()
    if (data.click) show(data.keys, main)
  }
}

/**
 * Scroll to the things that the notice speaks of.
 * @param {string[]} keys
 * @param {Element} main - The part of the page that scrolls.
 */
function show(keys, main) {
  const notice = shown("notice")
  const header = document.querySelector("[data-testid=stHeader]")?.getBoundingClientRect().bottom ?? 0
  const isPhone = innerWidth <= 640
  if (notice && isPhone) main.scrollTop += notice.getBoundingClientRect().top - header
  for (const key of keys) {
    const element = shown(key)
    if (!element || (isPhone && element.closest("[class*=st-key-panel_]"))) continue
    scrollTo(element, main, Math.max(header, pinnedAbove(element, main)) + EDGE)
  }
}
