"""Convolution in NumPy and OpenCV: the operation, its geometry, its kernels and its cost, free of any framework.

`convolve_definition` is the definition in plain loops; `convolve` is the same, fast. Images are (H, W) or (H, W, C)
float32, usually in 0...1; sizes, strides and positions are (rows, columns).
"""

from cnn_demo.convolution.activations import ACTIVATIONS, Activation, activate
from cnn_demo.convolution.arithmetic import PixelArithmetic, explain_pixel
from cnn_demo.convolution.cost import dense_multiply_adds, dense_parameter_count, multiply_adds, parameter_count
from cnn_demo.convolution.definition import convolve_definition
from cnn_demo.convolution.frequency import frequency_axis, frequency_response
from cnn_demo.convolution.geometry import (
    PADDING_MODES,
    ConvSpec,
    dilated_size,
    dropped_border,
    output_size,
    pad_image,
    padding_amounts,
)
from cnn_demo.convolution.kernel_catalogue import KERNELS, kernel
from cnn_demo.convolution.kernel_family import Choice, FloatParameter, IntParameter, KernelFamily, Parameter
from cnn_demo.convolution.operation import convolve
from cnn_demo.convolution.patterns import PATTERNS, Pattern, pattern
from cnn_demo.convolution.pool_arithmetic import WindowArithmetic, explain_window
from cnn_demo.convolution.pooling import (
    POOLINGS,
    blur_pool,
    blur_pool_gradient,
    pool,
    pool_definition,
    pool_gradient,
    pool_positions,
    pooled_size,
)
from cnn_demo.convolution.receptive_field import ReceptiveField, joined_field, receptive_field, receptive_fields
from cnn_demo.convolution.snippets import FRAMEWORKS, snippet
from cnn_demo.convolution.transposed import (
    transposed_convolve,
    transposed_convolve_definition,
    transposed_output_size,
)

__all__ = [
    "ACTIVATIONS",
    "FRAMEWORKS",
    "KERNELS",
    "PADDING_MODES",
    "PATTERNS",
    "POOLINGS",
    "Activation",
    "Choice",
    "ConvSpec",
    "FloatParameter",
    "IntParameter",
    "KernelFamily",
    "Parameter",
    "Pattern",
    "PixelArithmetic",
    "ReceptiveField",
    "WindowArithmetic",
    "activate",
    "blur_pool",
    "blur_pool_gradient",
    "convolve",
    "convolve_definition",
    "dense_multiply_adds",
    "dense_parameter_count",
    "dilated_size",
    "dropped_border",
    "explain_pixel",
    "explain_window",
    "frequency_axis",
    "frequency_response",
    "joined_field",
    "kernel",
    "multiply_adds",
    "output_size",
    "pad_image",
    "padding_amounts",
    "parameter_count",
    "pattern",
    "pool",
    "pool_definition",
    "pool_gradient",
    "pool_positions",
    "pooled_size",
    "receptive_field",
    "receptive_fields",
    "snippet",
    "transposed_convolve",
    "transposed_convolve_definition",
    "transposed_output_size",
]
