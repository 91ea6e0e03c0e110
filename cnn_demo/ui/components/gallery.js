// A row of thumbnails, one of which is chosen: a radio group in pictures.

function thumbnail(item) {
  const button = document.createElement("button")
  button.type = "button"
  button.dataset.key = item.key
  button.setAttribute("role", "radio")
  button.title = item.title
  const img = document.createElement("img")
  img.src = item.src
  img.alt = item.alt
  const label = document.createElement("span")
  label.textContent = item.title
  button.append(img, label)
  return button
}

function scrollTo(gallery, button) { // into the row's view, without scrolling the page
  const left = button.offsetLeft - gallery.offsetLeft
  const right = left + button.offsetWidth - gallery.clientWidth
  if (left < gallery.scrollLeft) gallery.scrollLeft = left
  else if (right > gallery.scrollLeft) gallery.scrollLeft = right
}

export default function (component) {
  const { data, parentElement, setTriggerValue } = component
  const gallery = parentElement.querySelector(".gallery")
  gallery.setAttribute("aria-label", data.label)

  // Thumbnails that stay are kept: a press must find the button that its release is on.
  const kept = new Map([...gallery.children].map((button) => [button.dataset.key, button]))
  const thumbs = data.items.map((item) => {
    const button = kept.get(item.key)
    return button?.querySelector("img").src === item.src ? button : thumbnail(item)
  })
  if (thumbs.length !== kept.size || thumbs.some((button, at) => gallery.children[at] !== button)) {
    gallery.replaceChildren(...thumbs)
  }
  const chosen = thumbs.find((button) => button.dataset.key === data.chosen)
  for (const button of thumbs) {
    button.setAttribute("aria-checked", String(button === chosen))
    button.tabIndex = button === (chosen ?? thumbs[0]) ? 0 : -1
    button.onclick = () => setTriggerValue("pick", button.dataset.key)
  }
  if (chosen) scrollTo(gallery, chosen)

  gallery.onkeydown = (event) => {
    const step = { ArrowRight: 1, ArrowLeft: -1 }[event.key]
    if (!step) return
    event.preventDefault()
    const at = thumbs.indexOf(event.target.closest("button"))
    const next = thumbs[(at + step + thumbs.length) % thumbs.length]
    next.focus()
    next.click()
  }
}
