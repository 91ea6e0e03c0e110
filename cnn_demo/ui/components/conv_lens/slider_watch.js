// Streamlit sends a slider's value on release. Its values while a visitor moves it are read from the page.

const INTENT = 600 // milliseconds in which a change follows a movement of the visitor's
const STALE = 1500 // milliseconds after which the server has answered for sure

/**
 * Watch sliders of the page.
 * @param {() => Record<string, unknown>} watched - Keys of the sliders are its keys.
 * @param {() => void} changed - Called whenever one of them has another value.
 */
export class SliderWatch {
  constructor(watched, changed) {
    /** @type {Map<string, {value: number, at: number}>} */
    this.values = new Map()
    this.watched = watched
    this.changed = changed
    this.intent = -Infinity
    this.note = (event) => {
      if (event.type !== "pointermove" || event.buttons) this.intent = performance.now()
    }
    this.events = ["pointerdown", "pointermove", "pointerup", "keydown"]
    for (const name of this.events) document.addEventListener(name, this.note, { capture: true, passive: true })
    this.observer = new MutationObserver((records) => this.read(records))
    this.observer.observe(document.body, { subtree: true, attributes: true, attributeFilter: ["value"] })
  }

  /** @param {MutationRecord[]} records */
  read(records) {
    if (performance.now() - this.intent > INTENT) return // Python moved it
    let any = false
    for (const { target } of records) {
      if (!(target instanceof HTMLInputElement) || target.type !== "range") continue
      const key = keyOf(target)
      if (!key || !(key in this.watched()) || !handled(target)) continue
      const value = Number(target.value)
      if (this.values.get(key)?.value === value) continue
      this.values.set(key, { value, at: performance.now() })
      any = true
    }
    if (any) this.changed()
  }

  /**
   * Take the values that the server has now: those that a visitor has moved since stay.
   * @param {Record<string, unknown>} values - By the keys of the sliders.
   */
  answer(values) {
    clearTimeout(this.timer)
    let waiting = false
    for (const [key, { value, at }] of this.values) {
      const held = document.querySelector(`.st-key-${CSS.escape(key)} [data-dragging]`)
      if (!(key in values) || (value === values[key] && !held)) this.values.delete(key)
      else if (!held && performance.now() - at > STALE) this.values.delete(key)
      else if (!held) waiting = true
    }
    if (waiting) {
      this.timer = setTimeout(() => {
        this.answer(values)
        this.changed()
      }, STALE)
    }
  }

  release() {
    clearTimeout(this.timer)
    this.observer.disconnect()
    for (const name of this.events) document.removeEventListener(name, this.note, { capture: true })
  }
}

/**
 * Return the key of the widget that an element belongs to.
 * @param {Element} element
 * @returns {string | undefined}
 */
function keyOf(element) {
  const holder = element.closest("[class*='st-key-']")
  return [...(holder?.classList ?? [])].find((name) => name.startsWith("st-key-"))?.slice("st-key-".length)
}

/**
 * Whether a visitor has a slider's thumb in hand.
 * @param {HTMLInputElement} input
 * @returns {boolean}
 */
function handled(input) {
  return input === document.activeElement || input.closest("[data-dragging]") !== null
}
