"""The browser's convolution against Python's at many settings: kernels, geometry, values, and both ways to draw it."""

import itertools
import json
from typing import Any

import numpy as np
import pytest
from playwright.sync_api import Page

from cnn_demo.convolution import (
    ACTIVATIONS,
    KERNELS,
    PADDING_MODES,
    Choice,
    ConvSpec,
    activate,
    convolve,
    explain_pixel,
    kernel,
    output_size,
    padding_amounts,
)
from cnn_demo.drawing.pictures import DISPLAYS, display_values, signed_scale
from cnn_demo.ui.components import home, with_imports

FOLDER = home("")
SCRIPTS = ("conv_math.js", "conv_kernels.js", "conv_lens/typed_engine.js", "conv_lens/gl_engine.js")
SCRIPTS += ("conv_lens/lens_geometry.js",)
DRAWS = {
    (seed, name): kernel("random", size=15, seed=seed, distribution=name).ravel() * 15
    for seed in (0, 9999)
    for name in ("normal", "uniform", "sign")
}
COMPUTE = """async ([texts, cases]) => {
  const modules = await Promise.all(texts.map((text) => import(URL.createObjectURL(
    new Blob([text], { type: "text/javascript" })))))
  const { familyKernel, outputSize, paddingAmounts, windowCells, outputsUsing, convolve, activate, displayRange,
    appliedKernel, lensImage, typedEngine, webglEngine, nearestResult, resultShift } = Object.assign({}, ...modules)
  const list = (values) => [...values]
  const engines = [typedEngine(), webglEngine(true)]
  const drawn = (engine, image, job) => {
    engine.setImage(image)
    const { range } = engine.render(job)
    const { width, height } = engine.canvas
    const copy = new OffscreenCanvas(width, height).getContext("2d")
    copy.drawImage(engine.canvas, 0, 0)
    return { picture: list(copy.getImageData(0, 0, width, height).data), scale: range.scale, engine: engine.name }
  }
  return {
    kernels: cases.kernels.map(({ family, parameters }) => list(familyKernel(family, parameters).weights)),
    results: cases.settings.map((it) => {
      const { size, spec, bias, activation, display, grey } = it
      const kernel = it.family ? familyKernel(it.family, it.parameters) : { weights: it.weights, size: it.kernelSize }
      const kernelSize = kernel.size
      const image = lensImage(Uint8ClampedArray.from(it.bytes), size)
      const planes = grey ? image.grey() : image.colours()
      const out = outputSize(size, kernelSize, spec)
      if (!out) return null
      const result = convolve(planes, size, kernel.weights, kernelSize, spec, bias)
      activate(result.planes, activation)
      const cells = windowCells(...it.pixel, size, kernelSize, spec)
      const uses = outputsUsing(...it.inputPixel, size, kernelSize, spec)
      const applied = appliedKernel(kernel.weights, spec)
      return {
        out, amounts: paddingAmounts(size, kernelSize, spec), values: result.planes.map(list),
        drawn: engines.map((engine) => drawn(engine, image, { kernel, spec, bias, activation, display, grey })),
        window: cells.map(({ source }) => (source < 0 ? 0 : planes[0][source])),
        rows: cells.map(({ row }) => row), columns: cells.map(({ column }) => column),
        inside: cells.map(({ inside }) => inside),
        uses: uses.map(({ row, column, u, v }) => [row, column, applied[u * kernelSize[1] + v]]),
        nearest: nearestResult(it.inputPixel, out, spec.stride, resultShift(size, kernelSize, spec)),
      }
    }),
  }
}"""


def kernel_cases() -> list[dict[str, Any]]:
    """Every family with each of its parameters at its ends, and some between two steps."""
    cases = []
    for family in KERNELS.values():
        default = {parameter.name: parameter.default for parameter in family.parameters}
        settings = [default]
        for parameter in family.parameters:
            values = parameter.choices if isinstance(parameter, Choice) else (parameter.minimum, parameter.maximum)
            settings += [default | {parameter.name: value} for value in values]
        settings += [default | {"angle": angle} for angle in (-135.0, 37.0, 90.0) if "angle" in default]
        settings += [default | {"size": size} for size in (4, 8) if "size" in default and family.name != "sobel"]
        cases += [{"family": family.name, "parameters": each} for each in settings]
    for case in cases:
        if case["family"] == "random":
            at = case["parameters"]["seed"], case["parameters"]["distribution"]
            case["parameters"] |= {"draws": DRAWS[at].tolist()}
    return cases


def settings_cases() -> list[dict[str, Any]]:
    """Settings of all kinds: strides, dilations, paddings, families, kernels of all shapes, photos down to a pixel."""
    draw = np.random.default_rng(5)
    strides, dilations = ((1, 1), (2, 2), (3, 3), (4, 4), (1, 3)), ((1, 1), (2, 2), (3, 3), (2, 1))
    shapes = ((3, 3), (1, 1), (2, 2), (4, 6), (1, 5), (5, 1), (7, 7), (15, 15))
    sizes = ((17, 23), (23, 17), (40, 31), (6, 9), (1, 1), (1, 12), (2, 2))
    paddings = ("same", "valid", (3, 3), (20, 20), (0, 2))
    families = [case for case in kernel_cases() if case["parameters"].get("size", 5) < 15]
    cycles = [
        itertools.cycle(each)
        for each in (strides, dilations, shapes, sizes, paddings, PADDING_MODES, ACTIVATIONS, DISPLAYS, (False, True))
    ]
    cases = []
    for number in range(180):
        stride, dilation, shape, size, padding, mode, activation, display, grey = (next(each) for each in cycles)
        if number % 7 == 6:  # shifts the cycles against each other
            for each in cycles[number // 7 % 9 :]:
                next(each)
        case: dict[str, Any] = {"family": None, "parameters": {}}
        if number % 2:
            case = families[number * 7 % len(families)]
            weights = kernel(case["family"], **named(case))
        elif number % 20 == 18:
            weights = np.zeros(shape, np.float32)
        else:
            weights = draw.standard_normal(shape).astype(np.float32) / np.float32(np.sqrt(np.prod(shape)))
            if number % 3 == 0:  # a kernel that is a column times a row
                weights = np.outer(weights[:, 0], weights[0]).astype(np.float32)
        case = case | {"weights": weights, "bytes": draw.integers(0, 256, (*size, 3), dtype=np.uint8), "grey": grey}
        case |= {"bias": float((number % 5 - 2) / 4), "activation": activation, "display": display}
        case |= {"spec": ConvSpec(stride, padding, mode, dilation, bool(number // 2 % 2)), "at": draw.random(4)}
        image = case["bytes"].astype(np.float32) / 255
        cases.append(case | {"image": image.mean(axis=2) if grey else image})
    return cases


def named(case: dict[str, Any]) -> dict[str, Any]:
    """Parameters as Python's `kernel` takes them."""
    return {key: value for key, value in case["parameters"].items() if key != "draws"}


def as_json(case: dict[str, Any]) -> dict[str, Any]:
    spec, opaque = case["spec"], np.full((*case["bytes"].shape[:2], 1), 255, np.uint8)
    return {key: case[key] for key in ("family", "parameters", "bias", "activation", "display", "grey")} | {
        "bytes": np.concatenate([case["bytes"], opaque], axis=2).ravel().tolist(),
        "size": case["image"].shape[:2],
        "weights": case["weights"].ravel().tolist(),
        "kernelSize": case["weights"].shape,
        "pixel": case["pixel"],
        "inputPixel": case["input_pixel"],
        "spec": {
            "stride": spec.stride,
            "padding": spec.padding,
            "mode": spec.padding_mode,
            "dilation": spec.dilation,
            "flip": spec.flip,
        },
    }


def fitting(case: dict[str, Any]) -> tuple[int, int] | None:
    try:
        return output_size(case["image"].shape[:2], case["weights"].shape, case["spec"])
    except ValueError:
        return None


def check(case: dict[str, Any], found: dict[str, Any]) -> None:
    """Compare the browser's results at one setting with Python's."""
    image, weights, spec = case["image"], case["weights"], case["spec"]
    assert tuple(found["out"]) == fitting(case)
    amounts = padding_amounts(image.shape[:2], weights.shape, spec)
    assert found["amounts"] == [list(pair) for pair in amounts]
    values = activate(convolve(image, weights, spec, case["bias"]), case["activation"])
    theirs = np.array(found["values"], np.float32).reshape(-1, *found["out"])
    np.testing.assert_allclose(np.moveaxis(theirs, 0, -1).reshape(values.shape), values, atol=3e-5)
    shown = display_values(values, case["display"]).astype(int)
    shown = shown if shown.ndim == 3 else shown[..., None]
    for drawn in found["drawn"]:
        if case["display"] == "signed":
            assert drawn["scale"] == pytest.approx(signed_scale(values), abs=1e-5)
        picture = np.array(drawn["picture"], int).reshape(*found["out"], 4)
        # Where all values are rounding errors of one number, each way to compute has its own.
        if case["display"] in ("clip", "absolute") or np.ptp(values) > 1e-5:
            assert np.abs(picture[..., :3] - shown).max() <= 2, drawn["engine"]
    opened = explain_pixel(image, weights, spec, 0, *case["pixel"])
    for name in ("window", "inside"):
        np.testing.assert_allclose(np.reshape(found[name], weights.shape), getattr(opened, name), atol=1e-6)
    assert np.array_equal(np.reshape(found["rows"], weights.shape)[:, 0], opened.rows)
    assert np.array_equal(np.reshape(found["columns"], weights.shape)[0], opened.columns)
    middles = [
        np.arange(n) * step - before + (dilation * (k - 1)) / 2
        for n, step, (before, _), dilation, k in zip(
            found["out"], spec.stride, amounts, spec.dilation, weights.shape, strict=True
        )
    ]
    for at, middle, nearest in zip(case["input_pixel"], middles, found["nearest"], strict=True):
        assert abs(middle[nearest] - at) == np.abs(middle - at).min()
    # A pixel's uses are the result of an image in which it alone is one.
    impulse = np.zeros(image.shape[:2], np.float32)
    impulse[case["input_pixel"]] = 1
    sums = np.zeros(found["out"])
    for row, column, weight in found["uses"]:
        sums[row, column] += weight
    np.testing.assert_allclose(sums, convolve(impulse, weights, spec), atol=1e-5)


def test_the_browser_computes_as_python_does(page: Page) -> None:
    kernels, settings = kernel_cases(), settings_cases()
    for case in settings:
        height, width = fitting(case) or (1, 1)
        (rows, columns), at = case["image"].shape[:2], case["at"]
        case["pixel"] = int(at[0] * height), int(at[1] * width)
        case["input_pixel"] = int(at[2] * rows), int(at[3] * columns)
    texts = [with_imports(FOLDER / name, set()) for name in SCRIPTS]
    cases = {"kernels": kernels, "settings": [as_json(case) for case in settings]}
    found = page.evaluate(COMPUTE, [texts, json.loads(json.dumps(cases))])

    assert {case["family"] for case in kernels} == set(KERNELS)
    for case, weights in zip(kernels, found["kernels"], strict=True):
        expected = kernel(case["family"], **named(case))
        np.testing.assert_allclose(np.reshape(weights, expected.shape), expected, rtol=1e-5, atol=2e-6, err_msg=case)

    fits = [fitting(case) is not None for case in settings]
    assert [result is not None for result in found["results"]] == fits
    assert sum(fits) >= 100
    assert {engine["engine"] for result in found["results"] if result for engine in result["drawn"]} == {
        "arrays",
        "webgl",
    }
    assert {case["family"] for case, fit in zip(settings, fits, strict=True) if fit} == {None, *KERNELS}
    compared = [case for case, fit in zip(settings, fits, strict=True) if fit]
    specs = [case["spec"] for case in compared]
    assert {spec.stride[0] for spec in specs} == {1, 2, 3, 4}
    assert {spec.dilation[0] for spec in specs} == {1, 2, 3}
    assert {(spec.padding_mode, spec.flip) for spec in specs} == {
        (mode, flip) for mode in PADDING_MODES for flip in (0, 1)
    }
    assert {case["activation"] for case in compared} == set(ACTIVATIONS)
    assert {case["grey"] for case in compared} == {False, True}
    assert {side % 2 for case in compared for side in case["weights"].shape} == {0, 1}
    for case, result, fit in zip(settings, found["results"], fits, strict=True):
        if fit:
            check(case, result)
