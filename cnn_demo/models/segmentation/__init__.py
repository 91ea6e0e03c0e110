"""A class for every pixel and a mask for every object."""
