// The visitor's camera as the photo: every frame stays in the browser until one is frozen.

import { lensImage } from "./typed_engine.js"

const LIVE_SIDE = 640 // pixels of the longer side that are convolved while the camera runs

/** Whether this browser has cameras; it has none for pages without encryption. */
export function cameraExists() {
  return Boolean(navigator.mediaDevices?.getUserMedia)
}

/**
 * A running camera.
 * @typedef {{stop: () => void, freeze: () => string}} Camera - `freeze` returns a JPEG as a data URL.
 */

/**
 * Start the camera.
 * @param {(image: import("./typed_engine.js").LensImage, canvas: HTMLCanvasElement) => void} onFrame
 * @returns {Promise<Camera>}
 * @throws {DOMException} If the visitor or the machine refuses.
 */
export async function startCamera(onFrame) {
  const wanted = { width: { ideal: 1280 }, height: { ideal: 960 }, facingMode: "user" }
  const stream = await navigator.mediaDevices.getUserMedia({ video: wanted, audio: false })
  const video = document.createElement("video")
  Object.assign(video, { srcObject: stream, muted: true, playsInline: true })
  const mirrored = stream.getVideoTracks()[0]?.getSettings().facingMode !== "environment" // as in a mirror
  const small = document.createElement("canvas")
  const context = small.getContext("2d", { alpha: false, willReadFrequently: true })
  let running = true
  const draw = (target, to) => {
    to.setTransform(mirrored ? -1 : 1, 0, 0, 1, mirrored ? target.width : 0, 0)
    to.drawImage(video, 0, 0, target.width, target.height)
  }
  const frame = () => {
    if (!running) return
    const scale = Math.min(1, LIVE_SIDE / Math.max(video.videoWidth, video.videoHeight))
    const width = Math.max(1, Math.round(video.videoWidth * scale)), height = Math.max(1, Math.round(video.videoHeight * scale))
    if (small.width !== width || small.height !== height) Object.assign(small, { width, height })
    draw(small, context)
    onFrame(lensImage(context.getImageData(0, 0, width, height).data, [height, width]), small)
    next()
  }
  const next = () => ("requestVideoFrameCallback" in video ? video.requestVideoFrameCallback(frame) : requestAnimationFrame(frame))
  try {
    await video.play()
  } catch (error) {
    for (const track of stream.getTracks()) track.stop()
    throw error
  }
  next()
  return {
    stop: () => {
      running = false
      for (const track of stream.getTracks()) track.stop()
      video.srcObject = null
    },
    freeze: () => {
      const still = document.createElement("canvas")
      Object.assign(still, { width: video.videoWidth, height: video.videoHeight })
      draw(still, still.getContext("2d", { alpha: false }))
      return still.toDataURL("image/jpeg", 0.95)
    },
  }
}

/**
 * Return a sentence on why the camera did not start.
 * @param {unknown} error
 * @returns {string}
 */
export function cameraProblem(error) {
  const name = error instanceof DOMException ? error.name : ""
  if (name === "NotAllowedError") return "The camera is blocked: allow it for this page in the browser’s address bar, then try again."
  if (name === "NotFoundError" || name === "OverconstrainedError") return "No camera was found on this device."
  return "The camera could not be started: another program may be using it."
}
