"""The parts of a training: loop, learning rate, losses, validation, and the bundle at its end."""
