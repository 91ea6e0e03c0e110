// A row of thumbnails, one of which is chosen: a radio group in pictures.

export default function (component) {
  const { data, parentElement, setTriggerValue } = component
  const gallery = parentElement.querySelector(".gallery")
  gallery.setAttribute("aria-label", data.label)

  const thumbs = data.items.map((item) => {
    const button = document.createElement("button")
    button.type = "button"
    button.setAttribute("role", "radio")
    button.setAttribute("aria-checked", String(item.key === data.chosen))
    button.tabIndex = item.key === data.chosen ? 0 : -1
    button.title = item.title
    const img = document.createElement("img")
    img.src = item.src
    img.alt = item.alt
    const label = document.createElement("span")
    label.textContent = item.title
    button.append(img, label)
    button.onclick = () => setTriggerValue("pick", item.key)
    return button
  })
  if (!thumbs.some((button) => button.tabIndex === 0) && thumbs.length) thumbs[0].tabIndex = 0

  const held = thumbs.length && parentElement.activeElement?.getAttribute("role") === "radio"
  gallery.replaceChildren(...thumbs)
  const chosen = thumbs.find((button) => button.tabIndex === 0)
  if (chosen) { // bring it into the row's view without scrolling the page
    const out = chosen.offsetLeft + chosen.offsetWidth - gallery.offsetLeft - gallery.clientWidth
    if (out > gallery.scrollLeft) gallery.scrollLeft = out
  }
  if (held) chosen?.focus()

  gallery.onkeydown = (event) => {
    const step = { ArrowRight: 1, ArrowLeft: -1 }[event.key]
    if (!step) return
    event.preventDefault()
    const at = thumbs.indexOf(parentElement.activeElement)
    const next = thumbs[(at + step + thumbs.length) % thumbs.length]
    next.focus()
    next.click()
  }
}
