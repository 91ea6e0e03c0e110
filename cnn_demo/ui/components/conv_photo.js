// The photo that the lens of the page computes with: it comes once, while results come with every run of the page.

import { lensImage } from "./conv_lens/typed_engine.js"

const KEPT = 3 // photos of the page, so that a change back is immediate

/**
 * Decode a photo without changing its values.
 * @param {string} src - Data URL of a PNG.
 * @returns {Promise<import("./conv_lens/typed_engine.js").LensImage>}
 */
async function decoded(src) {
  // Not by `fetch`: where the server sends a Content-Security-Policy, it is for addresses of the server only.
  const text = atob(src.slice(src.indexOf(",") + 1))
  const file = new Uint8Array(text.length) // `Uint8Array.from` takes twenty times as long for a large photo
  for (let i = 0; i < text.length; i++) file[i] = text.charCodeAt(i)
  const bitmap = await createImageBitmap(new Blob([file], { type: "image/png" }), { colorSpaceConversion: "none", premultiplyAlpha: "none" })
  const { width, height } = bitmap
  const canvas = document.createElement("canvas")
  Object.assign(canvas, { width, height })
  const context = canvas.getContext("2d", { willReadFrequently: true })
  context.drawImage(bitmap, 0, 0)
  bitmap.close()
  return lensImage(context.getImageData(0, 0, width, height).data, [height, width])
}

/**
 * Keep the photo for the other components of the page.
 * @param {import("./shared.js").Component<{key: string, src: string}>} component
 */
export default function (component) {
  const { data: { key, src } } = component
  const page = /** @type {any} */ (globalThis)
  const photos = (page.cnnDemoPhotos ??= new Map())
  if (photos.has(key)) return
  const entry = { src, image: null }
  photos.set(key, entry)
  for (const old of [...photos.keys()].slice(0, -KEPT)) photos.delete(old)
  const announce = () => document.dispatchEvent(new CustomEvent("cnn-demo-photo"))
  announce()
  decoded(src).then((image) => {
    entry.image = image
    announce()
  }, () => photos.delete(key)) // Python's pictures stay
}
